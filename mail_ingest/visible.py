"""Text that strangers wrote, fit to stand on one line of ours."""

from __future__ import annotations

import unicodedata

_BREAKS = frozenset("\t\r\n\v\f\x85\u2028\u2029")
_JOINERS = frozenset("\u200c\u200d")  # Persian words and family emoji are written with them
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})  # controls, direction marks and the like, half characters


def visible(text: str) -> str:
    """A text on one line without control characters and direction marks, so that it can neither add
    a header field nor hide what it says.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    spaced = "".join(" " if c in _BREAKS else c for c in text if c in _BREAKS or _is_seen(c))
    return " ".join(spaced.split())


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in _UNSEEN or character in _JOINERS
