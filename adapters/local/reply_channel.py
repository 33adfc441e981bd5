"""The ReplyChannel port on one machine: by webhook, by an SMTP server, or into the outbox folder.

What was sent is noted in a ledger right after the receiver has said yes; what the ledger holds is
not sent again. A crash between the two sends once more under the same webhook-id, or the same
Message-ID and Date, by which receivers see that it is the same.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from adapters.local.ledger import Ledger
from adapters.web.sent_once import SentOnce, by_channel, desk_told, refused
from mail_ingest.reply import compose_answer, compose_notice
from mail_ingest.thumbnails import thumbnails

if TYPE_CHECKING:
    from adapters.local.database import Database
    from adapters.web.webhook import WebhookSender
    from mail_ingest.reply import OutgoingMail, Sender
    from shared.ports import Answer, BlobStore, Clock, ReplyReceipt

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
        self._once = SentOnce(Ledger(database, clock, "reply-sent", kept_for=_KEPT_FOR))
        self._blobs = blobs
        self._transport = transport
        self._webhooks = webhooks
        self._sender = sender
        self._desk_address = desk_address
        self._clock = clock

    async def send(self, answer: Answer) -> ReplyReceipt:
        """See `ReplyChannel.send`."""
        return await self._once.run(answer.reply_id, partial(self._attempt, answer))

    async def notify_desk(self, notice_id: str, subject: str, text: str) -> None:
        """See `ReplyChannel.notify_desk`. Raises ServiceUnavailableError."""
        if self._desk_address:
            attempt = partial(self._tell_desk, notice_id, subject, text)
            await self._once.run(f"notice:{notice_id}", attempt)

    def close(self) -> None:
        """Let go of threads; what is under way ends by itself."""
        self._transport.close()

    async def _attempt(self, answer: Answer) -> ReplyReceipt:
        return await by_channel(answer, webhooks=self._webhooks, by_mail=self._mail)

    async def _mail(self, answer: Answer) -> ReplyReceipt:
        mail = await asyncio.to_thread(
            compose_answer,
            answer,
            sender=self._sender,
            date=await self._date(answer.reply_id),
            thumbnails=await thumbnails(answer, self._blobs),
        )
        if mail is None:
            return refused("The address of the sender is none that mail can be sent to.")
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
            receipt = refused("MAIL_INGEST_DESK_ADDRESS is no address that mail can be sent to.")
        else:
            receipt = await self._transport.deliver(mail)
        return desk_told(receipt, service="mail server")

    async def _date(self, key: str) -> datetime:
        """When this mail was first tried: its Date, the same each time. A full disk shows here,
        before anything is sent.
        """
        now = self._clock.now().replace(microsecond=0)
        first = await self._begun.put_new(key, now.isoformat().encode("ascii"))
        return datetime.fromisoformat(first.decode("ascii"))
