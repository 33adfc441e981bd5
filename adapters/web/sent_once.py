"""What every reply channel does alike: each answer goes out once, by the way that was asked for.

Not here: how a mail leaves, which differs by platform.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol
from weakref import WeakValueDictionary

from shared.codec import from_json, to_json
from shared.errors import ServiceUnavailableError
from shared.model import Channel
from shared.ports import ReplyReceipt, ReplyState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.web.webhook import WebhookSender
    from shared.ports import Answer

logger = logging.getLogger(__name__)


class Receipts(Protocol):
    """The receipts of what was sent, as JSON by key; durable on return."""

    async def get(self, key: str) -> bytes | str | None:
        """The receipt, or None when nothing was sent under this key."""
        ...

    async def put(self, key: str, value: bytes) -> None:
        """Note a receipt."""
        ...


class SentOnce:
    """Makes an attempt unless an earlier one has succeeded. One attempt per key at a time."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._under_way: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(self, key: str, attempt: Callable[[], Awaitable[ReplyReceipt]]) -> ReplyReceipt:
        """The receipt of the earlier success, or that of this attempt."""
        async with self._under_way.setdefault(key, asyncio.Lock()):
            note = await self._receipts.get(key)
            if note is not None:
                return from_json(note, ReplyReceipt, where=f"reply {key}")
            receipt = await attempt()
            await self._note(key, receipt)
            return receipt

    async def _note(self, key: str, receipt: ReplyReceipt) -> None:
        if receipt.state is ReplyState.SENT:
            await self._receipts.put(key, to_json(receipt))


async def by_channel(
    answer: Answer,
    *,
    webhooks: WebhookSender,
    by_mail: Callable[[Answer], Awaitable[ReplyReceipt]],
) -> ReplyReceipt:
    """Try once, as `answer_to` says."""
    match answer.submission.answer_to.channel:
        case Channel.WEBHOOK:
            return await webhooks.send(
                answer.submission.answer_to.target,
                webhook_id=answer.reply_id,
                body=to_json(answer.outcome),
                owner=answer.submission.client,
            )
        case Channel.MAIL:
            return await by_mail(answer)
        case Channel.NONE:
            return refused(answer.submission.answer_to.reason or "No answer is wanted.")


def desk_told(receipt: ReplyReceipt, *, service: str) -> ReplyReceipt:
    """The receipt of a notice to the desk. Raises ServiceUnavailableError, naming `service`."""
    if receipt.state is ReplyState.UNAVAILABLE:
        raise ServiceUnavailableError(service, receipt.reason)
    if receipt.state is ReplyState.REFUSED:  # the event and the log tell the desk all the same
        logger.error(
            "desk not told by mail",
            extra={"action": "desk_mail_refused", "reason": receipt.reason},
        )
    return receipt


def refused(reason: str) -> ReplyReceipt:
    """A refusal for good; `reason` is a sentence."""
    return ReplyReceipt(state=ReplyState.REFUSED, reason=reason)
