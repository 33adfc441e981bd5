"""Opaque S/MIME (RFC 8551 3.5): the MIME entity inside a CMS message (RFC 5652).

The signature is not verified: who sent a photo is not decided here. What is encrypted is refused.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from mail_ingest.mime.defects import Flaw, beyond
from mail_ingest.mime.events import Refusal
from mail_ingest.mime.formats import EntityData, ber
from mail_ingest.mime.formats.ber import BerReader
from mail_ingest.mime.formats.byte_stream import MalformedError, PushParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from mail_ingest.mime.formats import Found
    from mail_ingest.mime.formats.byte_stream import ByteStream, Parsing
    from mail_ingest.mime.limits import Limits

NOT_CMS = Flaw(clause="RFC 5652 3", sentence="What claims to be S/MIME is no CMS message.")
CERTIFICATES_ONLY = Flaw(
    clause="RFC 8551 3.8", sentence="The S/MIME part holds certificates only, and no message."
)
CUT_OFF = Flaw(
    clause="RFC 5652 5.2", sentence="The signed content is cut off; what came before is kept."
)
BAD_COMPRESSION = Flaw(
    clause="RFC 3274 1.1", sentence="The compressed content is damaged; what came before is kept."
)

_PIECE_BYTES = 1 << 16  # inflated at a time
_PKCS7 = bytes.fromhex("2a864886f70d0107")  # 1.2.840.113549.1.7
_SMIME_TYPES = bytes.fromhex("2a864886f70d01091001")  # 1.2.840.113549.1.9.16.1
_SIGNED = _PKCS7 + b"\x02"
_COMPRESSED = _SMIME_TYPES + b"\x09"
_ENCRYPTED = frozenset(
    {
        _PKCS7 + b"\x03",  # EnvelopedData
        _PKCS7 + b"\x04",  # SignedAndEnvelopedData of PKCS #7
        _PKCS7 + b"\x06",  # EncryptedData
        _SMIME_TYPES + b"\x17",  # AuthEnvelopedData, RFC 5083
    }
)


class SmimeOpener:
    """Opens a body of type application/pkcs7-mime while it comes: see `StreamOpener`."""

    def __init__(self, limits: Limits, sink: Callable[[Found], None]) -> None:
        self.flaws: tuple[Flaw, ...] = ()
        self.refusal: Refusal | None = None
        self._limits = limits
        self._sink = sink
        self._parser = PushParser(self._parse)

    def feed(self, data: bytes) -> None:
        """More of the body."""
        self._parser.feed(data)

    def close(self) -> None:
        """The body is over."""
        self._parser.close()

    def _parse(self, stream: ByteStream) -> Parsing[None]:
        reader = BerReader(stream)
        try:
            yield from self._content_info(reader)
        except MalformedError:  # not what RFC 5652 describes
            self.flaws = (NOT_CMS,)

    def _content_info(self, reader: BerReader) -> Parsing[None]:
        yield from reader.enter(ber.SEQUENCE)
        content_type = yield from reader.primitive(ber.OBJECT_IDENTIFIER)
        if content_type in _ENCRYPTED:
            self.refusal = Refusal.ENCRYPTED
            return
        yield from reader.enter(ber.CONTEXT_0)
        if content_type == _SIGNED:
            yield from self._signed(reader)
        elif content_type == _COMPRESSED:
            yield from self._compressed(reader)
        else:
            self.flaws = (NOT_CMS,)

    def _signed(self, reader: BerReader) -> Parsing[None]:
        yield from reader.enter(ber.SEQUENCE)
        yield from reader.skip()  # the version
        yield from reader.skip()  # the digest algorithms
        if not (yield from _has_content(reader)):
            self.flaws = (CERTIFICATES_ONLY,)
        elif not (yield from reader.octets(self._tell)):
            self.flaws = (CUT_OFF,)

    def _compressed(self, reader: BerReader) -> Parsing[None]:
        yield from reader.enter(ber.SEQUENCE)
        yield from reader.skip()  # the version
        yield from reader.skip()  # the compression algorithm: only zlib was ever defined
        inflater = _Inflater(self._limits.container_bytes, self._tell)
        if (yield from _has_content(reader)):
            yield from reader.octets(inflater.feed)
        self.flaws = inflater.close()

    def _tell(self, data: bytes) -> None:
        if data:
            self._sink(EntityData(data))


class _Inflater:
    """Hands on the content of a zlib stream up to a limit, and its first part if it is damaged."""

    def __init__(self, allowed: int, sink: Callable[[bytes], None]) -> None:
        self._allowed = allowed
        self._left = allowed
        self._sink = sink
        self._stream = zlib.decompressobj()
        self._flaw: Flaw | None = None

    def feed(self, packed: bytes) -> None:
        """Inflate more, a little at a time: a thousand times as much may come out."""
        while packed and self._flaw is None and not self._stream.eof:
            before = self._stream.copy()
            try:
                data = self._stream.decompress(packed, min(_PIECE_BYTES, self._left + 1))
            except zlib.error:
                self._flaw = BAD_COMPRESSION
                self._hand_on(_before_the_damage(before.decompress, packed))
                return
            packed = self._stream.unconsumed_tail
            self._hand_on(data)

    def _hand_on(self, data: bytes) -> None:
        self._sink(data[: self._left])
        if len(data) > self._left:
            self._flaw = beyond("container_bytes", self._allowed)
        self._left -= min(len(data), self._left)

    def close(self) -> tuple[Flaw, ...]:
        """What was wrong."""
        if self._flaw is None and not self._stream.eof:
            self._flaw = BAD_COMPRESSION
        return () if self._flaw is None else (self._flaw,)


def _before_the_damage(inflate: Callable[[bytes], bytes], packed: bytes) -> bytes:
    """What comes out of a damaged stream before the byte that breaks it: zlib keeps all of a call
    to itself that fails, so how much came out would depend on how the bytes were cut.
    """
    out = bytearray()
    with suppress(zlib.error):
        for at in range(len(packed)):
            out += inflate(packed[at : at + 1])
    return bytes(out)


def _has_content(reader: BerReader) -> Parsing[bool]:
    """Go to the content of the EncapsulatedContentInfo that comes next, if it has any."""
    yield from reader.enter(ber.SEQUENCE)
    yield from reader.primitive(ber.OBJECT_IDENTIFIER)
    if (yield from reader.tag()) != ber.CONTEXT_0:
        return False  # left out in certificates-only and detached messages
    yield from reader.enter(ber.CONTEXT_0)
    return True
