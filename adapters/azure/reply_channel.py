"""The ReplyChannel port on Microsoft Graph: mails from the mailbox that is read, and webhooks.

An answer is made as a reply to the message in the mailbox, so Exchange threads it as its own. The
message is found again by its Message-ID, and proven by the submission's ID, which is made of it. A
submission whose message is not in the mailbox is answered by a mail of our own, threaded by its
header. Exchange sends as the mailbox: MAIL_INGEST_FROM_ADDRESS must be its address. Where no
mailbox is set, mails are refused, which no later attempt could cure, and webhooks go out all the
same.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from adapters.azure.graph_answers import AnswerWriter, WholeMailWriter
from adapters.azure.graph_outbox import GraphOutbox
from adapters.azure.graph_sender import GraphSender
from adapters.web.sent_once import SentOnce, by_channel, desk_told, refused
from mail_ingest.reply import compose_notice, recipient_of
from mail_ingest.thumbnails import thumbnails

if TYPE_CHECKING:
    from adapters.azure.graph_mail import GraphMail
    from adapters.azure.ledger import Ledger
    from adapters.web.webhook import WebhookSender
    from mail_ingest.reply import Sender
    from shared.ports import Answer, BlobStore, Clock, ReplyReceipt

NO_MAILBOX = "There is no mailbox that it could go out from: set MAIL_INGEST_GRAPH_MAILBOX."
_SENT = "reply-sent"


class GraphReplyChannel:
    """Sends answers as `answer_to` says, and notices to the desk where it has an address. `mail` is
    None where there is no mailbox. It holds nothing open: what it is given, who opened it closes.
    """

    def __init__(
        self,
        mail: GraphMail | None,
        blobs: BlobStore,
        ledger: Ledger,
        *,
        webhooks: WebhookSender,
        sender: Sender,
        desk_address: str,
        clock: Clock,
    ) -> None:
        self._mail = mail
        self._ledger = ledger
        self._blobs = blobs
        self._once = SentOnce(_Receipts(ledger))
        self._webhooks = webhooks
        self._newsroom = sender
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

    async def _attempt(self, answer: Answer) -> ReplyReceipt:
        return await by_channel(answer, webhooks=self._webhooks, by_mail=self._answer_by_mail)

    async def _answer_by_mail(self, answer: Answer) -> ReplyReceipt:
        if self._mail is None:
            return refused(NO_MAILBOX)
        recipient = recipient_of(answer)
        if recipient is None:
            return refused("The address of the sender is none that mail can be sent to.")
        pictures = await thumbnails(answer, self._blobs)
        outbox = GraphOutbox(self._mail)
        writer = AnswerWriter(
            mail=self._mail,
            outbox=outbox,
            answer=answer,
            recipient=recipient,
            pictures=pictures,
            sender=self._newsroom,
            date=self._clock.now(),
        )
        return await self._by(outbox).send(answer.reply_id, writer)

    async def _tell_desk(self, notice_id: str, subject: str, text: str) -> ReplyReceipt:
        receipt = await self._notice(notice_id, subject, text)
        return desk_told(receipt, service="mailbox")

    async def _notice(self, notice_id: str, subject: str, text: str) -> ReplyReceipt:
        if self._mail is None:
            return refused(NO_MAILBOX)
        mail = compose_notice(
            notice_id,
            subject=subject,
            text=text,
            sender=self._newsroom,
            recipient=self._desk_address,
            date=self._clock.now(),
        )
        if mail is None:
            return refused("MAIL_INGEST_DESK_ADDRESS is no address that mail can be sent to.")
        outbox = GraphOutbox(self._mail)
        writer = WholeMailWriter(outbox=outbox, mail=mail)
        return await self._by(outbox).send(f"notice:{notice_id}", writer)

    def _by(self, outbox: GraphOutbox) -> GraphSender:
        return GraphSender(outbox, self._ledger, clock=self._clock)


class _Receipts:
    """The receipts among the notes of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def get(self, key: str) -> str | None:
        return await self._ledger.get(_SENT, key)

    async def put(self, key: str, value: bytes) -> None:
        await self._ledger.put(_SENT, key, value.decode())
