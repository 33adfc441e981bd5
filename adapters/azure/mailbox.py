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
from adapters.azure.graph_errors import GraphCutError, GraphRefusedError, UnexpectedContentError
from adapters.azure.graph_fallback import composed
from adapters.azure.mailbox_state import WaitingMail
from adapters.azure.mime_check import MimeCheck
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
_COMPOSING_ATTEMPTS = 2  # of a mail's last ones: for its attachments, too, the first may fail
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
        max_attempts: int = 5,
    ) -> None:
        self._raw_attempts = max(1, max_attempts - _COMPOSING_ATTEMPTS)
        self._max_attempts = max_attempts
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
        """See `Mailbox.read`. When the raw mail was not to be had in all attempts but the last two,
        one of its attachments is made; but not for what time or a person can cure.
        """
        graph_id = _waiting(claim.handle).mail.graph_id
        if claim.attempt <= self._raw_attempts:
            source = self._raw(graph_id, claim)
        else:
            await self._refuse_what_may_pass(graph_id)
            facts = {"action": "mime_given_up", "submission_id": claim.submission_id}
            logger.warning("raw mail given up", extra={**facts, "attempt": claim.attempt})
            is_last = claim.attempt >= self._max_attempts
            source = composed(self._mail, graph_id, is_last_attempt=is_last)
        async with aclosing(source) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _raw(self, graph_id: str, claim: Claim) -> AsyncGenerator[bytes]:
        try:
            async with aclosing(raw_mail(self._mail, graph_id)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except GraphRefusedError as exc:
            facts = {"action": "mime_refused", "submission_id": claim.submission_id}
            logger.warning("raw mail refused", extra={**facts, "code": exc.code})
            raise

    async def _refuse_what_may_pass(self, graph_id: str) -> None:
        """Ask for the raw mail without reading it: attempts know no reasons of those before."""
        try:
            async with aclosing(self._mail.mime(graph_id)) as chunks:
                await anext(chunks, None)
        except GraphRefusedError as exc:
            if exc.is_gone or exc.may_pass:
                raise
        except (GraphCutError, UnexpectedContentError):
            pass  # no time cures it, or not in time

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
        fields = ("parentFolderId", "internetMessageId", "receivedDateTime", "isDraft")
        found = await self._mail.message(graph_id, *fields)
        if found is None or found.get("parentFolderId") != await self._mail.folder_id(INBOX):
            return None
        if found.get("isDraft"):  # somebody writes it just now; it never came
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
        if await self._in_inbox(mail.graph_id) is None:  # a rule or a person was faster
            facts = {"action": "mail_moved_elsewhere", "submission_id": claim.submission_id}
            logger.info("mail was moved by somebody else", extra=facts)
        else:
            await self._move(mail.graph_id, folder)
        await self._state.forget(mail)

    async def _move(self, graph_id: str, folder: str) -> None:
        """Move a mail to a folder of ours. Graph has one answer for a mail that is gone and for a
        folder that is gone, so after a 404 the folder is looked for again, and made.
        """
        try:
            await self._mail.move(graph_id, await self._mail.folder_id(folder))
        except GraphRefusedError as exc:
            if not exc.is_gone:
                raise
            self._mail.forget_folder(folder)
            if await self._in_inbox(graph_id) is None:
                return
            logger.warning(
                "folder is missing, made again",
                extra={"action": "mailbox_folder_missing", "folder": folder},
            )
            await self._mail.move(graph_id, await self._mail.folder_id(folder))

    def _now(self) -> float:
        return self._clock.now().timestamp()


async def raw_mail(mail: GraphMail, graph_id: str) -> AsyncGenerator[bytes]:
    """The raw mail, checked while it passes. Raises what `GraphClient.stream` raises; what was
    given before was then no whole mail.
    """
    check = MimeCheck()
    async with aclosing(mail.mime(graph_id)) as chunks:
        async for chunk in chunks:
            check.feed(chunk)
            yield chunk
    try:
        check.finish()
    except GraphCutError:
        mail.cuts.note(graph_id, check.size)
        if not mail.cuts.is_certain(graph_id):
            raise
    if not check.is_proven:
        check.compare(await mail.stored_size(graph_id))


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
