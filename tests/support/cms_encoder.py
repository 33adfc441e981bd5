"""Builds CMS messages (RFC 5652) for tests and fixtures; their signatures are not real."""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import Any

algos: Any = import_module("asn1crypto.algos")  # it ships no types
cms: Any = import_module("asn1crypto.cms")

_SHA256 = algos.DigestAlgorithm({"algorithm": "sha256"})
_SIGNED_OID = bytes.fromhex("06092a864886f70d010702")
_DATA_OID = bytes.fromhex("06092a864886f70d010701")
_END = b"\0\0"


def signed(entity: bytes | None) -> bytes:
    """SignedData in DER around an entity; without one it holds nothing, as certs-only does."""
    content: dict[str, Any] = {"content_type": "data"}
    if entity is not None:
        content["content"] = entity
    data = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [_SHA256],
            "encap_content_info": content,
            "signer_infos": [],
        }
    )
    return cms.ContentInfo({"content_type": "signed_data", "content": data}).dump()


def signed_in_pieces(entity: bytes, size: int) -> bytes:
    """SignedData in BER as streaming signers write it: indefinite lengths, a string in pieces."""
    pieces = [entity[at : at + size] for at in range(0, len(entity), size)]
    octets = b"\x24\x80" + b"".join(b"\x04" + _length(len(one)) + one for one in pieces) + _END
    encapsulated = b"\x30\x80" + _DATA_OID + b"\xa0\x80" + octets + _END + _END
    digests = b"\x31" + _length(len(_SHA256.dump())) + _SHA256.dump()
    data = b"\x30\x80\x02\x01\x01" + digests + encapsulated + b"\x31\x00" + _END
    return b"\x30\x80" + _SIGNED_OID + b"\xa0\x80" + data + _END + _END


def encrypted(content: bytes = bytes(64)) -> bytes:
    """EnvelopedData without recipients around bytes that nobody can read."""
    data = cms.EnvelopedData(
        {
            "version": "v0",
            "recipient_infos": [],
            "encrypted_content_info": {
                "content_type": "data",
                "content_encryption_algorithm": {
                    "algorithm": "aes256_cbc",
                    "parameters": bytes(16),
                },
                "encrypted_content": content,
            },
        }
    )
    return cms.ContentInfo({"content_type": "enveloped_data", "content": data}).dump()


def compressed(entity: bytes) -> bytes:
    """CompressedData (RFC 3274) around an entity."""
    data = cms.CompressedData(
        {
            "version": "v0",
            "compression_algorithm": {"algorithm": "zlib"},
            "encap_content_info": {"content_type": "data", "content": zlib.compress(entity)},
        }
    )
    return cms.ContentInfo({"content_type": "compressed_data", "content": data}).dump()


def signed_content(raw: bytes) -> bytes:
    """What asn1crypto reads as the content of SignedData: a second opinion."""
    return cms.ContentInfo.load(raw)["content"]["encap_content_info"]["content"].native


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    return b"\x82" + size.to_bytes(2, "big")
