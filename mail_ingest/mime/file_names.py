"""File names as mails give them, into names that are safe to show and to store."""

from __future__ import annotations

import re

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
_BREAKS = re.compile(r"[\r\n\t]+")
_FOLDERS = re.compile(r"[/\\]+")


def base_name(name: str) -> str:
    """The name without folders (of Unix and Windows) and control characters; may be empty.

    Marks that turn the direction of writing go too: they make ``gpj.exe`` look like ``exe.jpg``.
    """
    shown = _CONTROLS.sub("", _BREAKS.sub(" ", name))
    last = _FOLDERS.split(shown.strip().rstrip("/\\"))[-1].strip()
    return "" if last in {".", ".."} else last
