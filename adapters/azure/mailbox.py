"""The Mailbox port on Microsoft Graph: the Inbox is the queue, and moving a mail is the last step.

A mail is claimed by a write that only one reader can win and that ends by itself. Before each claim
the mail's folder is looked at: what is no longer in the Inbox is finished, whatever our memory or
Graph's change log says. isRead and categories are for people, we go by neither.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.azure.graph_client import SERVICE
from adapters.azure.graph_discovery import Discovery
from adapters.azure.graph_errors import GraphRefusedError
from adapters.azure.graph_fallback import composed
from adapters.azure.mailbox_state import WaitingMail
from mail_ingest.ports import Claim, MailboxMessage
from shared.codec import from_json, to_json
from shared.errors import ServiceUnavailableError
from shared.ids import mailbox_key

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    from adapters.azure.graph_mail import GraphMail
    from adapters.azure.mailbox_state import MailboxState
    from shared.model import JsonObject
    from shared.ports import Clock

logger = logging.getLogger(__name__)

INBOX = "inbox"
_RAW_ATTEMPTS = 3  # after so many the raw mail is given up, and its attachments are asked for
_REASON_PROPERTY = "String {9c3b3c54-0c0e-4a55-9c4e-5a8a1f6a7d21} Name MailIngestReason"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The display names of the folders that finished mails go to."""

    processed: str = "Processed"
    dead_letter: str = "DeadLetter"


class GraphMailbox:
    """Reads one mailbox. Several readers, in any number of processes, share it through `state`."""

    def __init__(
        self,
        mail: GraphMail,
        state: MailboxState,
        *,
        clock: Clock,
        folders: Folders | None = None,
        sweep_s: float = 600.0,
    ) -> None:
        self._mail = mail
        self._state = state
        self._clock = clock
        self._folders = folders or Folders()
        self._discovery = Discovery(mail, state, clock=clock, sweep_s=sweep_s)
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Say that new mail may have come; called on the event loop."""
        self._news.set()

    async def wait(self, timeout_s: float) -> None:
        """Return after `wake`, or after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), timeout_s)
        self._news.clear()

    async def discover(self, *, limit: int) -> Sequence[MailboxMessage]:
        """See `Mailbox.discover`."""
        with _refusals_may_pass():
            await self._discovery.look()
        waiting = await self._state.waiting(now=self._now(), limit=limit)
        return [MailboxMessage(handle=_handle(each), attempts=each.attempts) for each in waiting]

    async def claim(self, message: MailboxMessage, *, lifetime_s: float) -> Claim | None:
        """See `Mailbox.claim`."""
        waiting = _waiting(message.handle)
        with _refusals_may_pass():
            found = await self._in_inbox(waiting.mail.graph_id)
        if found is None:
            await self._state.forget(waiting.mail)
            return None
        held = await self._state.hold(
            waiting, attempts=waiting.attempts + 1, not_before=self._now() + lifetime_s
        )
        if held is None:
            return None
        received_at = str(found.get("receivedDateTime") or "")
        message_id = str(found.get("internetMessageId") or f"graph:{waiting.mail.graph_id}")
        return Claim(
            handle=_handle(held),
            key=mailbox_key(self._mail.address, message_id, received_at),
            attempt=held.attempts,
            received_at=received_at,
            size=0,
            from_exchange=True,
        )

    async def renew(self, claim: Claim, *, lifetime_s: float) -> Claim | None:
        """See `Mailbox.renew`."""
        held = await self._state.hold(
            _waiting(claim.handle), attempts=claim.attempt, not_before=self._now() + lifetime_s
        )
        return None if held is None else replace(claim, handle=_handle(held))

    async def read(self, claim: Claim) -> AsyncGenerator[bytes]:
        """See `Mailbox.read`. When the raw mail cannot be had, one of its attachments is made."""
        graph_id = _waiting(claim.handle).mail.graph_id
        if claim.attempt <= _RAW_ATTEMPTS:
            try:
                async with aclosing(self._mail.mime(graph_id)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except GraphRefusedError as exc:
                if exc.is_gone:
                    raise
                facts = {"action": "mime_refused", "submission_id": claim.submission_id}
                logger.warning("raw mail refused", extra={**facts, "code": exc.code})
            else:
                return
        else:
            facts = {"action": "mime_given_up", "submission_id": claim.submission_id}
            logger.warning("raw mail given up", extra={**facts, "attempt": claim.attempt})
        async with aclosing(composed(self._mail, graph_id)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def release(self, claim: Claim, *, attempts: int, delay_s: float) -> None:
        """See `Mailbox.release`."""
        not_before = self._now() + delay_s if delay_s else 0.0
        await self._state.hold(_waiting(claim.handle), attempts=attempts, not_before=not_before)
        if not delay_s:
            self.wake()

    async def file_processed(self, claim: Claim) -> None:
        """See `Mailbox.file_processed`."""
        await self._file(claim, self._folders.processed)

    async def dead_letter(self, claim: Claim, *, reason: str, description: str) -> None:
        """See `Mailbox.dead_letter`. People see the reason as a category; the description is a
        named property of the message.
        """
        with _refusals_may_pass():
            await self._explain(_waiting(claim.handle).mail.graph_id, reason, description)
            await self._file(claim, self._folders.dead_letter)

    async def _in_inbox(self, graph_id: str) -> JsonObject | None:
        """What makes the submission's key, of a mail that is there and in the Inbox."""
        fields = ("parentFolderId", "internetMessageId", "receivedDateTime")
        found = await self._mail.message(graph_id, *fields)
        if found is None or found.get("parentFolderId") != await self._mail.folder_id(INBOX):
            return None
        return found

    async def _explain(self, graph_id: str, reason: str, description: str) -> None:
        found = await self._mail.message(graph_id, "categories")
        if found is None:
            return
        label = f"mail_ingest: {reason}"
        before: list[str] = found.get("categories") or []
        note = {"id": _REASON_PROPERTY, "value": description[:1000]}
        changes: JsonObject = {
            "categories": [*(word for word in before if word != label), label],
            "singleValueExtendedProperties": [note],
        }
        try:
            await self._mail.update(graph_id, changes)
        except GraphRefusedError as exc:  # the event and the log tell it too
            logger.warning("reason not noted", extra={"action": "note_refused", "code": exc.code})

    async def _file(self, claim: Claim, folder: str) -> None:
        mail = _waiting(claim.handle).mail
        try:
            await self._mail.move(mail.graph_id, await self._mail.folder_id(folder))
        except GraphRefusedError as exc:
            if not exc.is_gone:
                raise
        await self._state.forget(mail)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _handle(waiting: WaitingMail) -> str:
    return to_json(waiting).decode()


def _waiting(handle: str) -> WaitingMail:
    return from_json(handle.encode(), WaitingMail, where="a mailbox handle")


@contextmanager
def _refusals_may_pass() -> Generator[None]:
    """What Graph refuses here is no mail's fault: a mailbox, a folder or a right is missing."""
    try:
        yield
    except GraphRefusedError as exc:
        raise ServiceUnavailableError(SERVICE, str(exc)) from exc
