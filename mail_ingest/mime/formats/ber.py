"""BER, the encoding of ASN.1 (X.690), as far as the way to the content of a CMS message needs it.

Indefinite lengths and strings in pieces are read, nesting costs no stack, content is handed on as
it comes, and of bytes that end too early what came before the end is given. A general reader holds
the whole message and gives up on one that was cut off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mail_ingest.mime.formats.byte_stream import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mail_ingest.mime.formats.byte_stream import ByteStream, Parsing

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
_MAX_PRIMITIVE_BYTES = 1_000  # of what is held to be looked at: object identifiers
_MAX_ELEMENTS = 300_000  # 64 MiB in pieces of 223 bytes; real ones have 1,000 and more


class _Header(NamedTuple):
    tag: int
    length: int | None  # None: indefinite, up to the end-of-contents octets (X.690 8.1.3.6)


class BerReader:
    """Reads one element after the other; each method raises MalformedError if the bytes are not
    what it asks for.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._budget = _MAX_ELEMENTS

    def tag(self) -> Parsing[int]:
        """The tag of the next element; 0 where there is none."""
        return (yield from self._stream.peek()) or _END_OF_CONTENTS

    def enter(self, tag: int) -> Parsing[None]:
        """Go to the first element inside the next one, which must have this tag."""
        yield from self._header_of(tag)

    def skip(self) -> Parsing[None]:
        """Step over the next element with everything in it."""
        open_elements = 0
        while True:
            header = yield from self._header()
            if header.length is None:
                open_elements += 1
            else:
                open_elements -= header.tag == _END_OF_CONTENTS
                yield from self._stream.skip(header.length)
            if open_elements <= 0:
                return

    def primitive(self, tag: int) -> Parsing[bytes]:
        """The content of the next element, which must have this tag, and step over it."""
        header = yield from self._header_of(tag)
        if header.length is None or header.length > _MAX_PRIMITIVE_BYTES:
            raise MalformedError("the element is longer than any of its kind")
        return (yield from self._stream.take(header.length))

    def octets(self, sink: Callable[[bytes], None]) -> Parsing[bool]:
        """Hand on the content of the next element, an octet string in one or in many pieces (X.690
        8.7.3); gives whether all of it came.
        """
        if (yield from self.tag()) == OCTET_STRING:
            header = yield from self._header()
            return (yield from self._stream.pass_on(header.length, sink)) == header.length
        header = yield from self._header_of(OCTET_STRING | _CONSTRUCTED)
        return (yield from self._pieces(header, sink))

    def _pieces(self, outer: _Header, sink: Callable[[bytes], None]) -> Parsing[bool]:
        ends = [self._end_of(outer)]  # of the strings that we are inside of
        while ends:
            if ends[-1] is not None and self._stream.at >= ends[-1]:
                ends.pop()
                continue
            try:
                header = yield from self._header()
            except MalformedError:
                return False
            if header.tag == OCTET_STRING | _CONSTRUCTED:
                ends.append(self._end_of(header))
            elif header.tag == _END_OF_CONTENTS:
                ends.pop()
            elif not (yield from self._piece(header, sink)):
                return False
        return True

    def _piece(self, header: _Header, sink: Callable[[bytes], None]) -> Parsing[bool]:
        if header.tag != OCTET_STRING or header.length is None:
            return False
        return (yield from self._stream.pass_on(header.length, sink)) == header.length

    def _end_of(self, header: _Header) -> int | None:
        """Where the element ends whose header was just read."""
        return None if header.length is None else self._stream.at + header.length

    def _header_of(self, tag: int) -> Parsing[_Header]:
        header = yield from self._header()
        if header.tag != tag:
            raise MalformedError(f"expected the tag {tag:#04x}, not {header.tag:#04x}")
        return header

    def _header(self) -> Parsing[_Header]:
        self._budget -= 1
        if self._budget < 0:
            raise MalformedError("there are more elements than anybody has a use for")
        tag, length = yield from self._stream.take(2)
        if tag & _LONG_TAG == _LONG_TAG:
            raise MalformedError("no element of CMS has a tag this high")
        if length == _INDEFINITE:
            return _Header(tag, None)
        if length < _INDEFINITE:
            return _Header(tag, length)
        size = length & ~_INDEFINITE
        if size > _MAX_LENGTH_BYTES:
            raise MalformedError("the length of the element is absurd")
        return _Header(tag, int.from_bytes((yield from self._stream.take(size)), "big"))
