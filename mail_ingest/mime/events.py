"""What the reader tells: parts start, carry data and end, and defects are found.

Events nest like the parts do: whatever lies inside a part comes between its start and its end, and
while a part inside it is open, a part has no data; it may have more afterwards (a text that a file
stands in). Only containers that are opened while they come (TNEF, opaque S/MIME) have: their own
data, undecoded, stands between that of what they hold.

A part's `path` is its IMAP section (RFC 3501 6.4.5): ``1`` is the body of a mail that is no
multipart, ``2.1`` the first part inside the second; ``TEXT`` and ``2.TEXT`` are the multipart that
makes up the mail itself, or the message that is part 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mail_ingest.mime.defects import Defect


class Container(StrEnum):
    """What holds other parts."""

    MULTIPART = "multipart"
    MESSAGE = "message"
    TNEF = "tnef"
    SIGNED = "signed"  # opaque S/MIME
    OUTLOOK_MESSAGE = "outlook_message"  # a .msg file
    SUN_ATTACHMENT = "sun_attachment"


class Refusal(StrEnum):
    """Why a part is not opened: the closed list. `REFUSAL_SENTENCES` says each to a person."""

    ENCRYPTED = "encrypted"
    BINHEX = "binhex"
    FRAGMENT = "fragment"
    EXTERNAL_BODY = "external_body"
    UNKNOWN_ENCODING = "unknown_encoding"
    CONTAINER_TOO_LARGE = "container_too_large"
    LIMIT_REACHED = "limit_reached"


REFUSAL_SENTENCES: Mapping[Refusal, str] = {
    Refusal.ENCRYPTED: "It is encrypted, so nobody but its recipient can open it.",
    Refusal.BINHEX: "It is packed with BinHex, which is not opened.",
    Refusal.FRAGMENT: "It is a fragment of a message that was sent in pieces (RFC 2046 5.2.2).",
    Refusal.EXTERNAL_BODY: "It only says where its content lies (RFC 2046 5.2.3).",
    Refusal.UNKNOWN_ENCODING: "Its transfer encoding is unknown, so its bytes are as they came.",
    Refusal.CONTAINER_TOO_LARGE: "It is too large to be opened in memory.",
    Refusal.LIMIT_REACHED: "A limit was reached in it, so only its beginning was read.",
}

NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One part: a multipart, a nested message, or a leaf with content of its own.

    `header` is the header block as it came; that of the root part is the message's header. `start`
    and `body` are where the header block and the body begin in the raw stream, None inside anything
    that had to be decoded. A part with a refusal still gives its data, undecoded if need be.
    """

    path: str
    parent: Part | None = field(default=None, repr=False)
    header: bytes = field(default=b"", repr=False)
    media_type: str = "text/plain"
    parameters: Mapping[str, str] = NO_PARAMETERS
    disposition: str = ""  # attachment, inline, another word, or empty when there is no such field
    file_name: str = ""  # decoded, without folders and control characters; not unique
    content_id: str = ""  # without angle brackets
    transfer_encoding: str = ""
    container: Container | None = None
    refusal: Refusal | None = None
    start: int | None = None
    body: int | None = None

    @property
    def is_container(self) -> bool:
        """Whether it is nothing but what it holds, so that it has no data of its own.

        Other containers (TNEF, ...) give their own data too, before or between what they hold.
        """
        return self.container in (Container.MULTIPART, Container.MESSAGE)

    @property
    def depth(self) -> int:
        """How many parts it lies in."""
        return 0 if self.parent is None else self.parent.depth + 1


@dataclass(frozen=True, slots=True)
class PartStarted:
    """A part begins; its header is known."""

    part: Part


@dataclass(frozen=True, slots=True)
class PartData:
    """The next bytes of a part's content, with the transfer encoding undone; never empty."""

    part: Part
    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnded:
    """A part is over: `size` bytes of content came.

    `end` is where its body ends in the raw stream. `refusal` repeats the part's, or is what was
    only found out while it was read. `final` is the part as it would have been told if all had been
    known at its start: a file of TNEF has its full name and type after its content.
    """

    part: Part
    size: int
    end: int | None
    refusal: Refusal | None
    final: Part


@dataclass(frozen=True, slots=True)
class DefectFound:
    """Something is wrong; reading goes on, unless the defect names a limit."""

    defect: Defect


type Event = PartStarted | PartData | PartEnded | DefectFound
