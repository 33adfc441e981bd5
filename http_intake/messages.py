"""A first look at a body that claims to be a message, so that a stray photo is refused at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from http_intake.echo import shortened
from http_intake.problem_types import UNSUPPORTED_MEDIA_TYPE
from http_intake.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.datastructures import Headers

MEDIA_TYPE = "message/rfc822"
_HEAD_BYTES = 4096
# RFC 5322 section 2.2 allows more in a field name, but then JSON and HTML would pass as messages.
_HEADER_FIELD = re.compile(rb"^[A-Za-z0-9][A-Za-z0-9_.-]{0,70}[ \t]*:", re.MULTILINE)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def looks_like_message(head: bytes) -> bool:
    """Whether one of the first lines is a header field. Lenient: real mail begins with anything."""
    return _HEADER_FIELD.search(head.removeprefix(_BYTE_ORDER_MARK)) is not None


async def message_chunks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks as they are; raises ProblemError before the first when they are no message."""
    head = bytearray()
    async for chunk in chunks:
        head += chunk
        if len(head) >= _HEAD_BYTES:
            break
    if not looks_like_message(bytes(head[:_HEAD_BYTES])):
        raise not_a_message("There is no header field in the first 4 KB of the body.")
    yield bytes(head)
    async for chunk in chunks:
        yield chunk


def require_message(headers: Headers) -> None:
    """Raise ProblemError unless the body is said to be a message."""
    declared = headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != MEDIA_TYPE:
        found = shortened(declared) or "of no media type"
        raise not_a_message(f"The body is {found}, and no message.")


def not_a_message(what: str) -> ProblemError:
    """The refusal of what is no message."""
    return ProblemError(
        UNSUPPORTED_MEDIA_TYPE,
        f"{what} Send the message as it lies in the mailbox, as {MEDIA_TYPE}.",
        headers={"Accept-Post": MEDIA_TYPE},
    )
