"""BER, the encoding of ASN.1 (X.690), as far as the way to the content of a CMS message needs it.

Indefinite lengths and strings in pieces are read, nesting costs no stack, and of bytes that end too
early what came before the end is given. A general reader gives up on a message that was cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

SEQUENCE = 0x30
SET = 0x31
OBJECT_IDENTIFIER = 0x06
OCTET_STRING = 0x04
CONTEXT_0 = 0xA0

_CONSTRUCTED = 0x20
_END_OF_CONTENTS = 0x00
_INDEFINITE = 0x80
_LONG_TAG = 0x1F
_MAX_LENGTH_BYTES = 8
_MAX_ELEMENTS = 300_000  # 64 MiB in pieces of 223 bytes; real ones have 1,000 and more


class Octets(NamedTuple):
    """The content of an octet string, and whether all of it is there."""

    content: bytes
    complete: bool


class _Header(NamedTuple):
    tag: int
    start: int
    end: int | None  # None: indefinite, up to the end-of-contents octets (X.690 8.1.3.6)


@dataclass(slots=True)
class BerReader:
    """A place in BER bytes; each method raises ValueError if the bytes are not what it asks for."""

    data: memoryview
    at: int = 0
    budget: int = _MAX_ELEMENTS

    def tag(self) -> int:
        """The tag of the next element; 0 where there is none."""
        return self.data[self.at] if self.at < len(self.data) else _END_OF_CONTENTS

    def enter(self, tag: int) -> None:
        """Go to the first element inside the next one, which must have this tag."""
        self.at = self._header_of(tag).start

    def skip(self) -> None:
        """Step over the next element with everything in it."""
        open_elements = 0
        while True:
            header = self._header()
            if header.end is None:
                open_elements += 1
                self.at = header.start
            else:
                open_elements -= header.tag == _END_OF_CONTENTS
                self.at = header.end
            if open_elements <= 0:
                return

    def primitive(self, tag: int) -> bytes:
        """The content of the next element, which must have this tag, and step over it."""
        header = self._header_of(tag)
        if header.end is None or header.end > len(self.data):
            raise ValueError("the element is cut off")
        self.at = header.end
        return bytes(self.data[header.start : header.end])

    def octets(self) -> Octets:
        """The next element, an octet string, joined from all its pieces (X.690 8.7.3)."""
        if self.tag() == OCTET_STRING:
            header = self._header()
            content = self.data[header.start : header.end]
            return Octets(bytes(content), complete=len(content) == (header.end or 0) - header.start)
        return self._joined()

    def _joined(self) -> Octets:
        header = self._header_of(OCTET_STRING | _CONSTRUCTED)
        self.at = header.start
        joined = bytearray()
        ends: list[int | None] = [header.end]  # of the strings that we are inside of
        while ends:
            if ends[-1] is not None and self.at >= ends[-1]:
                ends.pop()
                continue
            try:
                header = self._header()
            except ValueError:
                return Octets(bytes(joined), complete=False)
            if header.tag == OCTET_STRING | _CONSTRUCTED:
                ends.append(header.end)
                self.at = header.start
            elif header.tag == _END_OF_CONTENTS:
                ends.pop()
                self.at = header.start
            elif header.tag == OCTET_STRING and header.end is not None:
                joined += self.data[header.start : header.end]
                self.at = header.end
            else:
                return Octets(bytes(joined), complete=False)
        return Octets(bytes(joined), complete=self.at <= len(self.data))

    def _header_of(self, tag: int) -> _Header:
        header = self._header()
        if header.tag != tag:
            raise ValueError(f"expected the tag {tag:#04x}, not {header.tag:#04x}")
        return header

    def _header(self) -> _Header:
        self.budget -= 1
        if self.budget < 0:
            raise ValueError("there are more elements than anybody has a use for")
        head = self.data[self.at : self.at + 2 + _MAX_LENGTH_BYTES]
        if len(head) < 2:
            raise ValueError("the bytes end before the next element")
        tag, length = head[0], head[1]
        if tag & _LONG_TAG == _LONG_TAG:
            raise ValueError("no element of CMS has a tag this high")
        start = self.at + 2
        if length == _INDEFINITE:
            return _Header(tag, start, None)
        if length < _INDEFINITE:
            return _Header(tag, start, start + length)
        size = length & ~_INDEFINITE
        if len(head) < 2 + size:
            raise ValueError("the length of the element is cut off or absurd")
        start += size
        return _Header(tag, start, start + int.from_bytes(head[2 : 2 + size], "big"))
