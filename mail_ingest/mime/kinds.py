"""What kind of part a header promises: what it can hold, and why it is not opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mail_ingest.mime import transfer
from mail_ingest.mime.events import Container, Refusal

if TYPE_CHECKING:
    from mail_ingest.mime.events import Part
    from mail_ingest.mime.part_header import PartHeader

# RFC 2046 5.2.1, RFC 6532 3.7, and what Usenet gateways write.
_MESSAGE_TYPES = frozenset({"message/rfc822", "message/global", "message/news"})
_SIGNED_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_ENCRYPTED_SMIME = ("enveloped-data", "authenveloped-data")
_BINHEX_TYPES = frozenset({"application/mac-binhex40", "application/mac-binhex"})
_BINHEX_ENCODINGS = frozenset({"binhex", "x-binhex", "binhex40", "x-binhex40", "mac-binhex40"})
_CONTAINERS = {
    "application/ms-tnef": Container.TNEF,
    "application/vnd.ms-tnef": Container.TNEF,
    "application/vnd.ms-outlook": Container.OUTLOOK_MESSAGE,
    "x-sun-attachment": Container.SUN_ATTACHMENT,
}


def container_of(media_type: str, file_name: str) -> Container | None:
    """What a part can hold, by its type, and by names that say more than types."""
    name = file_name.lower()
    if media_type.startswith("multipart/"):
        return Container.MULTIPART
    if media_type in _MESSAGE_TYPES:
        return Container.MESSAGE
    if media_type in _SIGNED_TYPES or name == "smime.p7m":
        return Container.SIGNED
    if name == "winmail.dat":
        return Container.TNEF
    if name.endswith(".msg") and media_type.startswith("application/"):
        return Container.OUTLOOK_MESSAGE
    return _CONTAINERS.get(media_type)


def refusal_of(header: PartHeader, parent: Part | None) -> Refusal | None:
    """Why the part is not opened; the first reason wins."""
    if header.media_type == "message/external-body":  # RFC 2046 5.2.3
        return Refusal.EXTERNAL_BODY
    if header.media_type == "message/partial":  # RFC 2046 5.2.2
        return Refusal.FRAGMENT
    if parent is not None and parent.media_type == "multipart/encrypted":  # RFC 1847 2.2
        return Refusal.ENCRYPTED
    if header.parameters.get("smime-type", "").lower() in _ENCRYPTED_SMIME:  # RFC 8551 3.2.2
        return Refusal.ENCRYPTED
    if header.media_type in _BINHEX_TYPES or header.transfer_encoding in _BINHEX_ENCODINGS:
        return Refusal.BINHEX
    if not transfer.is_known(header.transfer_encoding):
        return Refusal.UNKNOWN_ENCODING
    return None
