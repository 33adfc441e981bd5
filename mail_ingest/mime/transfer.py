"""Content transfer encodings (RFC 2045 section 6): which decoder undoes which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mail_ingest.mime.base64_decoder import Base64Decoder
from mail_ingest.mime.formats.uuencode import UuDecoder
from mail_ingest.mime.quoted_printable import QuotedPrintableDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mail_ingest.mime.defects import Flaw


class Decoder(Protocol):
    """Undoes one transfer encoding piece by piece; never fails, whatever comes.

    The output, joined, does not depend on how the input is cut. `flaws` may be read after `close`.
    """

    @property
    def flaws(self) -> Sequence[Flaw]:
        """What was wrong, each at most once."""
        ...

    def feed(self, data: bytes) -> Sequence[bytes]:
        """The bytes that can be told by now; pieces may be empty."""
        ...

    def close(self) -> bytes:
        """What remains when the body is over."""
        ...


class IdentityDecoder:
    """7bit, 8bit and binary: nothing to undo (RFC 2045 section 6.2)."""

    flaws: Sequence[Flaw] = ()

    def feed(self, data: bytes) -> Sequence[bytes]:
        """The same bytes."""
        return (data,)

    def close(self) -> bytes:
        """Nothing remains."""
        return b""


IDENTITY = frozenset({"", "7bit", "8bit", "binary", "7-bit", "8-bit", "none", "unencoded"})

_DECODERS: dict[str, Callable[[], Decoder]] = {
    "base64": Base64Decoder,
    "quoted-printable": QuotedPrintableDecoder,
    **dict.fromkeys(("x-uuencode", "uuencode", "x-uue", "uue", "x-uu"), UuDecoder),
}


def is_known(encoding: str) -> bool:
    """Whether the encoding, in lower case, is one that is undone (or needs no undoing)."""
    return encoding in IDENTITY or encoding in _DECODERS


def decoder_for(encoding: str) -> Decoder:
    """A decoder for a transfer encoding in lower case; an unknown one is left as it is."""
    return _DECODERS.get(encoding, IdentityDecoder)()
