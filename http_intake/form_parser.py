"""multipart/form-data (RFC 7578), sans-I/O: bytes in, events out.

python-multipart finds the boundaries; here are the limits, the header fields of parts, and the
refusal of what is broken. Nothing is kept but the header fields of one part.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from http_intake.problem_types import MALFORMED_MULTIPART
from http_intake.problems import ProblemError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of what we refuse by name

HEADER_LINE_BYTES = 4096
HEADER_LINES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PartHead:
    """The header fields of a part. `file_name` is None when it has none, "" when an empty one."""

    name: str
    file_name: str | None
    media_type: str
    transfer_encoding: str


type Event = PartHead | bytes | None  # a part begins, content of it, it ends


class FormParser:
    """Bytes in, events out; sans-I/O. Raises ProblemError when the body is broken."""

    def __init__(self, boundary: bytes, *, max_parts: int) -> None:
        self._events: deque[Event] = deque()
        self._headers: dict[str, str] = {}
        self._field = bytearray()
        self._value = bytearray()
        self._parts_left = self._max_parts = max_parts
        self._complete = False
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(
                boundary,
                callbacks,
                max_header_count=HEADER_LINES,
                max_header_size=HEADER_LINE_BYTES,
            )
        except FormParserError as exc:
            raise malformed("its boundary is too long") from exc

    def feed(self, data: bytes) -> deque[Event]:
        """Parse more of the body; the events must be taken out before the next call."""
        try:
            self._parser.write(data)
        except FormParserError as exc:
            raise malformed("a boundary or a header field of a part is not well-formed") from exc
        return self._events

    def close(self) -> None:
        """The body has ended; raises ProblemError when its last boundary has not come."""
        if not self._complete:
            raise malformed("it ends before its last boundary")

    def _on_part_begin(self) -> None:
        if self._parts_left == 0:
            raise ProblemError(
                MALFORMED_MULTIPART,
                f"There are more than {self._max_parts:,} parts. Send the files in several"
                " submissions.",
            )
        self._parts_left -= 1
        self._headers.clear()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        name = self._field.decode("latin-1").lower()
        self._headers[name] = self._value.decode("latin-1")
        self._field.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        self._events.append(_part_head(self._headers))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _on_part_end(self) -> None:
        self._events.append(None)

    def _on_end(self) -> None:
        self._complete = True


def _part_head(headers: dict[str, str]) -> PartHead:
    disposition, parameters = parse_options_header(headers.get("content-disposition"))
    if disposition != b"form-data" or b"name" not in parameters:
        raise malformed("a part has no 'Content-Disposition: form-data' with a name")
    file_name = parameters.get(b"filename")
    return PartHead(
        name=_text(parameters[b"name"]),
        file_name=None if file_name is None else _text(file_name),
        media_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        transfer_encoding=headers.get("content-transfer-encoding", "binary").strip().lower(),
    )


def _text(parameter: bytes) -> str:
    """A name as browsers write it: UTF-8, three characters percent-encoded (HTML 4.10.22.7)."""
    text = parameter.decode("utf-8", "replace")
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def malformed(what: str) -> ProblemError:
    """The refusal of a broken body."""
    return ProblemError(
        MALFORMED_MULTIPART,
        f"The multipart body is broken: {what}. Let a library write it (RFC 7578).",
    )
