"""Text that strangers wrote, fit to stand on one line of ours."""

from __future__ import annotations

import unicodedata

_BREAKS = frozenset("\t\r\n\v\f\x85\u2028\u2029")


def visible(text: str) -> str:
    """A text on one line without control characters and direction marks, so that it can neither add
    a header field nor hide what it says.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    spaced = "".join(" " if c in _BREAKS else c for c in text)
    return " ".join("".join(c for c in spaced if unicodedata.category(c)[0] != "C").split())
