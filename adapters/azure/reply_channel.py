"""The ReplyChannel port on Microsoft Graph: mails from the mailbox that is read, and webhooks.

An answer is made as a reply to the message in the mailbox, so Exchange threads it as its own. The
message is found again by its Message-ID, and proven by the submission's ID, which is made of it. A
submission whose message is not in the mailbox is answered by a mail of our own, threaded by its
header. Exchange sends as the mailbox: MAIL_INGEST_FROM_ADDRESS must be its address.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from adapters.azure.graph_answers import AnswerWriter, WholeMailWriter
from adapters.azure.graph_outbox import GraphOutbox
from adapters.azure.graph_sender import GraphSender
from mail_ingest.reply import compose_notice, recipient_of
from mail_ingest.thumbnails import thumbnails
from shared.codec import from_json, to_json
from shared.errors import ServiceUnavailableError
from shared.model import Channel
from shared.ports import ReplyReceipt, ReplyState

if TYPE_CHECKING:
    from adapters.azure.graph_mail import GraphMail
    from adapters.azure.ledger import Ledger
    from adapters.web.webhook import WebhookSender
    from mail_ingest.reply import Sender
    from shared.ports import Answer, BlobStore, Clock

logger = logging.getLogger(__name__)

_SENT = "reply-sent"


class GraphReplyChannel:
    """Sends answers as `answer_to` says, and notices to the desk where it has an address."""

    def __init__(
        self,
        mail: GraphMail,
        blobs: BlobStore,
        ledger: Ledger,
        *,
        webhooks: WebhookSender,
        sender: Sender,
        desk_address: str,
        clock: Clock,
    ) -> None:
        self._mail = mail
        self._outbox = GraphOutbox(mail)
        self._sender = GraphSender(self._outbox, ledger, clock=clock)
        self._blobs = blobs
        self._ledger = ledger
        self._webhooks = webhooks
        self._newsroom = sender
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
        """Let go of threads; the client of Graph belongs to who opened it."""
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
                return await self._answer_by_mail(answer)
            case Channel.NONE:
                return _refused(answer.submission.answer_to.reason or "No answer is wanted.")

    async def _answer_by_mail(self, answer: Answer) -> ReplyReceipt:
        recipient = recipient_of(answer)
        if recipient is None:
            return _refused("The address of the sender is none that mail can be sent to.")
        pictures = await thumbnails(answer.outcome, self._blobs)
        writer = AnswerWriter(
            mail=self._mail,
            outbox=self._outbox,
            answer=answer,
            recipient=recipient,
            pictures=pictures,
            sender=self._newsroom,
            date=self._clock.now(),
        )
        return await self._sender.send(answer.reply_id, writer)

    async def _tell_desk(self, notice_id: str, subject: str, text: str) -> ReplyReceipt:
        mail = compose_notice(
            notice_id,
            subject=subject,
            text=text,
            sender=self._newsroom,
            recipient=self._desk_address,
            date=self._clock.now(),
        )
        if mail is None:
            receipt = _refused("MAIL_INGEST_DESK_ADDRESS is no address that mail can be sent to.")
        else:
            writer = WholeMailWriter(outbox=self._outbox, mail=mail)
            receipt = await self._sender.send(f"notice:{notice_id}", writer)
        if receipt.state is ReplyState.UNAVAILABLE:
            raise ServiceUnavailableError("mailbox", receipt.reason)
        if receipt.state is ReplyState.REFUSED:  # the event and the log tell the desk all the same
            logger.error(
                "desk not told by mail",
                extra={"action": "desk_mail_refused", "reason": receipt.reason},
            )
        return receipt

    async def _receipt(self, key: str) -> ReplyReceipt | None:
        note = await self._ledger.get(_SENT, key)
        return None if note is None else from_json(note, ReplyReceipt, where=f"reply {key}")

    async def _note(self, key: str, receipt: ReplyReceipt) -> None:
        if receipt.state is ReplyState.SENT:
            await self._ledger.put(_SENT, key, to_json(receipt).decode())


def _refused(reason: str) -> ReplyReceipt:
    return ReplyReceipt(state=ReplyState.REFUSED, reason=reason)
