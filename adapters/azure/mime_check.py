"""Whether the bytes that Graph gave can be a whole mail: a rule of its own, tested without a Graph.

Graph does not say how long a mail is, and an answer that was cut behind a gateway can end rightly.
So the mail itself must say that it is one, and that it is whole.
"""

from __future__ import annotations

import re

from adapters.azure.graph_errors import GraphCutError, UnexpectedContentError
from mail_ingest.mime import parameters

# RFC 5322 2.2 allows more, but no mailer uses it, and JSON would pass for a field.
_FIELD = re.compile(rb"[\w!#$%&'*+.^`|~-]+[ \t]*:", re.ASCII)
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_CONTENT_TYPE = re.compile(rb"^content-type[ \t]*:(.*(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_MOST_HEADER_BYTES = 1 << 20  # of a longer one nothing is asked
_MOST_CUT_MAILS = 1_000
_CERTAIN_AFTER = 3
_SMALL = 64 * 1024  # up to here the store's size of a mail tells nothing of its MIME
_LEAST_SHARE = 4  # the store counts text two or three times, and photos without base64


class MimeCheck:
    """Sees a raw mail pass; keeps its header and a few bytes."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._header_is_over = False
        self._closing = b""  # RFC 2046 5.1.1: the closing delimiter, without the line break before
        self._is_closed = False
        self._carried = b""
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes. Raises UnexpectedContentError for what begins like no mail."""
        self._size += len(chunk)
        if self._header_is_over:
            self._look_for_end(chunk)
            return
        self._header += chunk
        end = _HEADER_END.search(self._header)
        if end is None and len(self._header) <= _MOST_HEADER_BYTES:
            return
        self._check_begin()
        self._header_is_over = True
        if end is not None:
            self._closing = _closing_delimiter(bytes(self._header[: end.start()]))
            self._look_for_end(bytes(self._header[end.start() :]))
        self._header.clear()

    def finish(self) -> None:
        """Raises UnexpectedContentError and GraphCutError for what cannot be a whole mail."""
        if not self._header_is_over:
            self._check_begin()
            raise GraphCutError("it ended in the header")
        if self._closing and not self._is_closed:
            raise GraphCutError("the closing delimiter is missing")

    @property
    def size(self) -> int:
        """The bytes that passed."""
        return self._size

    @property
    def is_proven(self) -> bool:
        """Whether the mail itself says that this is its end."""
        return self._is_closed

    def compare(self, stored_size: int) -> None:
        """Hold it against the mail's size in the store. Raises GraphCutError."""
        if stored_size > _SMALL and self._size < stored_size // _LEAST_SHARE:
            raise GraphCutError(f"{self._size} bytes of a mail of {stored_size}")

    def _check_begin(self) -> None:
        if not _FIELD.match(self._header):
            raise UnexpectedContentError("no header field" if self._header else "nothing")

    def _look_for_end(self, chunk: bytes) -> None:
        if not self._closing or self._is_closed:
            return
        seen = self._carried + chunk
        self._is_closed = self._closing in seen
        self._carried = seen[-len(self._closing) :]


class RepeatedCuts:
    """Which mails were read without their end, and how often in a row with the same length.

    Some mailers leave the closing delimiter out, so a mail that is cut alike each time is whole; a
    connection that breaks does not break at the same byte three times. Of one process, and bounded.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}  # by Graph's ID: the size, and how often

    def note(self, graph_id: str, size: int) -> None:
        """A mail was cut after so many bytes."""
        last_size, times = self._seen.pop(graph_id, (size, 0))
        self._seen[graph_id] = (size, times + 1 if size == last_size else 1)
        if len(self._seen) > _MOST_CUT_MAILS:
            del self._seen[next(iter(self._seen))]

    def is_certain(self, graph_id: str) -> bool:
        """Whether another reading would give the same."""
        return self._seen.get(graph_id, (0, 0))[1] >= _CERTAIN_AFTER


def _closing_delimiter(header: bytes) -> bytes:
    """How a multipart mail must end; nothing for every other one."""
    found = _CONTENT_TYPE.search(header)
    if found is None:
        return b""
    value = re.sub(rb"\r?\n", b"", found[1]).decode("latin-1")
    media_type, given = parameters.parse(value)
    boundary = given.get("boundary", "")
    if not media_type.startswith("multipart/") or not boundary:
        return b""
    return f"\n--{boundary}--".encode("latin-1", "replace")
