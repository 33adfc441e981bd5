"""The ReplyChannel port on one machine: by webhook, by an SMTP server, or into the outbox folder.

What was sent is noted in a ledger right after the receiver has said yes; what the ledger holds is
not sent again. A crash between the two sends once more under the same webhook-id, or the same
Message-ID and Date, by which receivers see that it is the same.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from weakref import WeakValueDictionary

from adapters.local.ledger import Ledger
from mail_ingest.reply import compose_answer, compose_notice
from mail_ingest.thumbnails import thumbnails
from shared.codec import from_json, to_json
from shared.errors import ServiceUnavailableError
from shared.model import Channel
from shared.ports import ReplyReceipt, ReplyState

if TYPE_CHECKING:
    from adapters.local.database import Database
    from adapters.web.webhook import WebhookSender
    from mail_ingest.reply import OutgoingMail, Sender
    from shared.ports import Answer, BlobStore, Clock

logger = logging.getLogger(__name__)

_KEPT_FOR = timedelta(days=400)  # an answer is never tried again after so long


class MailTransport(Protocol):
    """Where outgoing mails go: `SmtpSender` or `Outbox`."""

    async def deliver(self, mail: OutgoingMail) -> ReplyReceipt:
        """Try once. Raises only StorageFullError."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class LocalReplyChannel:
    """Sends answers as `answer_to` says, and notices to the desk where it has an address."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        *,
        transport: MailTransport,
        webhooks: WebhookSender,
        sender: Sender,
        desk_address: str,
        clock: Clock,
    ) -> None:
        self._begun = Ledger(database, clock, "mail-begun", kept_for=_KEPT_FOR)
        self._sent = Ledger(database, clock, "reply-sent", kept_for=_KEPT_FOR)
        self._blobs = blobs
        self._transport = transport
        self._webhooks = webhooks
        self._sender = sender
        self._desk_address = desk_address
        self._clock = clock
        self._under_way: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def send(self, answer: Answer) -> ReplyReceipt:
        """See `ReplyChannel.send`."""
        key = answer.reply_id
        async with self._under_way.setdefault(key, asyncio.Lock()):
            receipt = await self._receipt(key)
            if receipt is None:
                receipt = await self._attempt(answer)
                await self._note(key, receipt)
            return receipt

    async def notify_desk(self, notice_id: str, subject: str, text: str) -> None:
        """See `ReplyChannel.notify_desk`. Raises ServiceUnavailableError."""
        if not self._desk_address:
            return
        key = f"notice:{notice_id}"
        async with self._under_way.setdefault(key, asyncio.Lock()):
            if await self._receipt(key) is None:
                receipt = await self._tell_desk(notice_id, subject, text)
                await self._note(key, receipt)

    def close(self) -> None:
        """Let go of threads; what is under way ends by itself."""
        self._transport.close()
        self._webhooks.close()

    async def _attempt(self, answer: Answer) -> ReplyReceipt:
        match answer.submission.answer_to.channel:
            case Channel.WEBHOOK:
                return await self._webhooks.send(
                    answer.submission.answer_to.target,
                    webhook_id=answer.reply_id,
                    body=to_json(answer.outcome),
                )
            case Channel.MAIL:
                return await self._mail(answer)
            case Channel.NONE:
                return _refused(answer.submission.answer_to.reason or "No answer is wanted.")

    async def _mail(self, answer: Answer) -> ReplyReceipt:
        mail = await asyncio.to_thread(
            compose_answer,
            answer,
            sender=self._sender,
            date=await self._date(answer.reply_id),
            thumbnails=await thumbnails(answer.outcome, self._blobs),
        )
        if mail is None:
            return _refused("The address of the sender is none that mail can be sent to.")
        return await self._transport.deliver(mail)

    async def _tell_desk(self, notice_id: str, subject: str, text: str) -> ReplyReceipt:
        mail = compose_notice(
            notice_id,
            subject=subject,
            text=text,
            sender=self._sender,
            recipient=self._desk_address,
            date=await self._date(f"notice:{notice_id}"),
        )
        if mail is None:
            receipt = _refused("MAIL_INGEST_DESK_ADDRESS is no address that mail can be sent to.")
        else:
            receipt = await self._transport.deliver(mail)
        if receipt.state is ReplyState.UNAVAILABLE:
            raise ServiceUnavailableError("mail server", receipt.reason)
        if receipt.state is ReplyState.REFUSED:  # the event and the log tell the desk all the same
            logger.error(
                "desk not told by mail",
                extra={"action": "desk_mail_refused", "reason": receipt.reason},
            )
        return receipt

    async def _date(self, key: str) -> datetime:
        """When this mail was first tried: its Date, the same each time. A full disk shows here,
        before anything is sent.
        """
        now = self._clock.now().replace(microsecond=0)
        first = await self._begun.put_new(key, now.isoformat().encode("ascii"))
        return datetime.fromisoformat(first.decode("ascii"))

    async def _receipt(self, key: str) -> ReplyReceipt | None:
        note = await self._sent.get(key)
        return None if note is None else from_json(note, ReplyReceipt, where=f"reply {key}")

    async def _note(self, key: str, receipt: ReplyReceipt) -> None:
        if receipt.state is ReplyState.SENT:
            await self._sent.put(key, to_json(receipt))


def _refused(reason: str) -> ReplyReceipt:
    return ReplyReceipt(state=ReplyState.REFUSED, reason=reason)
