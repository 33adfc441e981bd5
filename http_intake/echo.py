"""What a client sent, as far as an answer repeats it: enough to know it again, whatever came."""

from __future__ import annotations

_MOST_CHARACTERS = 100
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def shortened(text: str, most: int = _MOST_CHARACTERS) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + _ELLIPSIS
