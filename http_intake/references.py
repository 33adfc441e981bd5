"""POST /v1/emails/by-reference: a mail that the service reads out of the mailbox itself.

For mails that are too large for whoever watches the mailbox, or that it cannot export.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from http_intake.body import limited
from http_intake.doors import MailReference
from http_intake.fields import invalid
from http_intake.json_body import read_json, require_json
from http_intake.keys import MAIL_SOURCE, reference_key, require_watcher, utc_second
from http_intake.problem_types import MESSAGE_GONE, NO_MAILBOX
from http_intake.problems import ProblemError
from mail_ingest.receive import MailOrigin

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

    from http_intake.doors import Doors, FetchByReference
    from shared.intake import Accepted

_MAX_BODY_BYTES = 16 * 1024


class _Body(Struct, frozen=True, forbid_unknown_fields=True):
    """The body, with the limits that openapi.yaml names."""

    mailbox: Annotated[str, Meta(max_length=320, pattern=r"^[^\s@]+@[^\s@]+\Z")]
    message_id: Annotated[str, Meta(max_length=1000, pattern=r"^[!-~]+\Z")]
    internet_message_id: Annotated[str, Meta(max_length=998, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
    received_at: str


class ReferenceIntake:
    """Takes mails that are named, not sent."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def take(self, request: Request, *, client: str) -> Accepted:
        """Take in the mail that the body names; durable on return. One that was taken before, by
        whatever way, is not read again: meanwhile it may lie elsewhere.

        Raises ProblemError, and what the mailbox and the ports raise; then nothing of it stays.
        """
        reference = await _read_reference(request)
        fetch = self._mailbox(reference.mailbox)
        require_watcher(client, reference.mailbox, self._doors.settings)
        origin = MailOrigin(
            source=MAIL_SOURCE,
            key=reference_key(reference),
            received_at=reference.received_at,
            client=client,
            from_exchange=True,
        )
        known = await self._doors.intake.known(origin.submission_id)
        if known is not None:
            return await self._doors.intake.accept(known)
        async with aclosing(await _open(fetch, reference)) as chunks:
            return await self._doors.receive_mail(chunks, origin=origin)

    def _mailbox(self, address: str) -> FetchByReference:
        try:
            return self._doors.mailboxes[address.lower()]
        except KeyError as exc:
            raise ProblemError(
                NO_MAILBOX,
                "This service cannot read that mailbox by itself. Send the message to"
                " POST /v1/emails, or have MAIL_INGEST_GRAPH_MAILBOX set to the mailbox.",
            ) from exc


async def _open(fetch: FetchByReference, reference: MailReference) -> AsyncGenerator[bytes]:
    chunks = await fetch(reference)
    if chunks is None:
        raise ProblemError(
            MESSAGE_GONE,
            "The mailbox has no such message any more. Send the message to POST /v1/emails if you"
            " have it.",
        )
    return chunks


async def _read_reference(request: Request) -> MailReference:
    """The body; raises ProblemError when it is not what openapi.yaml describes."""
    require_json(request.headers)
    body = await read_json(limited(request, _MAX_BODY_BYTES), _Body)
    received_at = utc_second(body.received_at)
    if received_at is None:
        raise invalid("received_at", "It is no time of RFC 3339. Send receivedDateTime as it is.")
    return MailReference(
        mailbox=body.mailbox,
        graph_id=body.message_id,
        message_id=body.internet_message_id,
        received_at=received_at,
    )
