"""The text of a mail as its parts stream by: what people wrote, and what the HTML refers to.

A bounded beginning is kept and never more, however large the mail. Not here: media parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mail_ingest.attachments import cids_in
from mail_ingest.html_text import text_of_html
from mail_ingest.linked import find_linked
from mail_ingest.mime import charsets

if TYPE_CHECKING:
    from mail_ingest.mime.events import Part
    from shared.model import LinkedAttachment

TEXT_BYTES = 10_000  # of the text that a submission keeps, in UTF-8
_PLAIN_BYTES = 65_536  # of all plain text, in the charsets of its parts
_HTML_BYTES = 1 << 20  # of all HTML


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyContent:
    """What was found: the text's beginning, the Content-IDs in the HTML, the linked files."""

    text: str
    cids: frozenset[str]
    linked: tuple[LinkedAttachment, ...]


class BodyText:
    """Collects text parts, one after the other: `begin`, `write` ..., `end`; then `read`."""

    def __init__(self) -> None:
        self._room = {True: _HTML_BYTES, False: _PLAIN_BYTES}  # by whether it is HTML
        self._texts: list[tuple[bool, bool, str]] = []  # is HTML, is shown, text
        self._told: set[str] = set()  # paths of the multipart/alternative that gave plain text
        self._data = bytearray()

    def begin(self) -> None:
        """A text part starts."""
        self._data = bytearray()

    def write(self, part: Part, data: bytes) -> None:
        """Keep what there is room for."""
        html = _is_html(part)
        taken = data[: self._room[html]]
        self._room[html] -= len(taken)
        self._data += taken

    def end(self, part: Part, size: int) -> None:
        """The part is over; it had `size` bytes."""
        data = bytes(self._data)
        if len(data) < size:  # never cut inside a character: no charset of mail has LF within one
            data = data[: data.rfind(b"\n") + 1] or data
        text = charsets.decode(data, part.parameters.get("charset", ""))
        if text.strip():
            self._keep(part, text)

    def _keep(self, part: Part, text: str) -> None:
        """Of a multipart/alternative only the plain text is shown (RFC 2046 5.1.4), if any."""
        html, alternative = _is_html(part), _alternative_around(part)
        if alternative and not html:
            self._told.add(alternative)
        shown = not (html and alternative in self._told)
        self._texts.append((html, shown, text))

    def read(self) -> BodyContent:
        """What all parts said; up to 50 ms for a megabyte of HTML."""
        html = "\n".join(text for is_html, _, text in self._texts if is_html)
        plain = "\n".join(text for is_html, _, text in self._texts if not is_html)
        return BodyContent(
            text=self._shown_text(), cids=cids_in(html), linked=find_linked(plain, html)
        )

    def _shown_text(self) -> str:
        lines = (
            text_of_html(text) if is_html else text.replace("\r\n", "\n").replace("\0", "").strip()
            for is_html, shown, text in self._texts
            if shown
        )
        return _beginning("\n\n".join(lines))


def _is_html(part: Part) -> bool:
    return part.media_type != "text/plain"


def _alternative_around(part: Part) -> str:
    """The path of the nearest multipart/alternative that the part lies in; empty if none."""
    around = part.parent
    while around is not None and around.media_type != "multipart/alternative":
        around = around.parent
    return "" if around is None else around.path


def _beginning(text: str) -> str:
    """At most TEXT_BYTES of UTF-8, as JSON can carry it: without lone surrogates."""
    return text.encode("utf-8", "replace")[:TEXT_BYTES].decode("utf-8", "ignore")
