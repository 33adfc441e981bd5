"""HTML into readable text, in linear time on any input: to search in and to read, not to show."""

from __future__ import annotations

import html
import re

_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(/?)([A-Za-z][A-Za-z0-9]*)[^<>]*>?|<[!?/][^<>]*>?", re.DOTALL
)
_UNSHOWN = frozenset({"script", "style", "title", "template"})
_BLOCKS = frozenset(
    {"address", "blockquote", "br", "div", "dd", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr"}
    | {"li", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"}
)


def text_of_html(source: str) -> str:
    """What a reader sees: no markup, no scripts, entities decoded, one line per block."""
    pieces: list[str] = []
    position, hidden_by = 0, ""
    for tag in _TOKEN.finditer(source):
        if not hidden_by:
            pieces.append(source[position : tag.start()])
        position = tag.end()
        name = (tag[2] or "").lower()
        if hidden_by:
            hidden_by = "" if tag[1] and name == hidden_by else hidden_by
        elif name in _UNSHOWN and not tag[1]:
            hidden_by = name
        elif name in _BLOCKS:
            pieces.append("\0")
    if not hidden_by:
        pieces.append(source[position:])
    return _lines("".join(pieces))


def _lines(text: str) -> str:
    """White space collapsed; NUL marks where a block starts or ends."""
    lines = (" ".join(html.unescape(line).split()) for line in text.split("\0"))
    return "\n".join(line for line in lines if line)
