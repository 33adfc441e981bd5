"""Text that strangers wrote, fit to stand on one line of ours."""

from __future__ import annotations

import unicodedata

_JOINERS = frozenset("\u200c\u200d")  # Persian words and family emoji are written with them
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})  # controls, direction marks and the like, half characters


def visible(text: str) -> str:
    """A text on one line without control characters and direction marks, so that it can neither add
    a header field nor hide what it says.
    """
    line = " ".join(text.split())  # at white space of every kind, line ends too
    if line.isascii() and line.isprintable():
        return line
    return " ".join("".join(c for c in line if _is_seen(c)).split())


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in _UNSEEN or character in _JOINERS
