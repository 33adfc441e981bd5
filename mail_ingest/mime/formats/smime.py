"""Opaque S/MIME (RFC 8551 3.5): the MIME entity inside a CMS message (RFC 5652).

The signature is not verified: who sent a photo is not decided here. What is encrypted is refused.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from mail_ingest.mime.defects import Flaw, beyond
from mail_ingest.mime.events import Refusal
from mail_ingest.mime.formats import Opened, ber
from mail_ingest.mime.formats.ber import BerReader, Octets

if TYPE_CHECKING:
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


def open_smime(body: bytes, limits: Limits) -> Opened:
    """The MIME entity that a body of type application/pkcs7-mime holds."""
    reader = BerReader(memoryview(body))
    try:
        reader.enter(ber.SEQUENCE)
        content_type = reader.primitive(ber.OBJECT_IDENTIFIER)
        if content_type in _ENCRYPTED:
            return Opened(refusal=Refusal.ENCRYPTED)
        reader.enter(ber.CONTEXT_0)
        if content_type == _SIGNED:
            return _open_signed(reader)
        if content_type == _COMPRESSED:
            return _open_compressed(reader, limits)
    except ValueError:
        pass  # not what RFC 5652 describes
    return Opened(flaws=(NOT_CMS,))


def _open_signed(reader: BerReader) -> Opened:
    reader.enter(ber.SEQUENCE)
    reader.skip()  # the version
    reader.skip()  # the digest algorithms
    content = _encapsulated(reader)
    if content is None:
        return Opened(flaws=(CERTIFICATES_ONLY,))
    return Opened(entity=content.content, flaws=() if content.complete else (CUT_OFF,))


def _open_compressed(reader: BerReader, limits: Limits) -> Opened:
    reader.enter(ber.SEQUENCE)
    reader.skip()  # the version
    reader.skip()  # the compression algorithm: only zlib was ever defined
    content = _encapsulated(reader)
    if content is None:
        return Opened(flaws=(BAD_COMPRESSION,))
    return _inflated(content.content, limits.container_bytes)


def _inflated(packed: bytes, allowed: int) -> Opened:
    """The content of a zlib stream up to the limit; its first part if the stream is damaged."""
    inflater = zlib.decompressobj()
    entity = bytearray()
    try:
        for at in range(0, len(packed), 1 << 16):
            entity += inflater.decompress(packed[at : at + (1 << 16)], allowed + 1 - len(entity))
            if len(entity) > allowed:
                flaw = beyond("container_bytes", allowed)
                return Opened(entity=bytes(entity[:allowed]), flaws=(flaw,))
    except zlib.error:
        return Opened(entity=bytes(entity), flaws=(BAD_COMPRESSION,))
    return Opened(entity=bytes(entity), flaws=() if inflater.eof else (BAD_COMPRESSION,))


def _encapsulated(reader: BerReader) -> Octets | None:
    """The content of the EncapsulatedContentInfo that comes next; None when it has none."""
    reader.enter(ber.SEQUENCE)
    reader.primitive(ber.OBJECT_IDENTIFIER)
    if reader.tag() != ber.CONTEXT_0:  # left out in certificates-only and detached messages
        return None
    reader.enter(ber.CONTEXT_0)
    return reader.octets()
