"""Sends each mail once, although Graph cannot be told twice safely and processes die anywhere.

The draft is the anchor: its ID is noted before anything is sent, and Graph sends a draft only once.
Whoever comes later, after a crash or beside us, finds the note and looks what became of the draft.
A draft whose ID was never noted is litter in the Drafts folder, and is never sent.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from adapters.azure.graph_errors import GraphRefusedError
from adapters.azure.graph_outbox import DraftState
from shared.errors import ServiceUnavailableError
from shared.events import rfc3339
from shared.ports import ReplyReceipt, ReplyState

if TYPE_CHECKING:
    from adapters.azure.graph_outbox import GraphOutbox
    from adapters.azure.ledger import Ledger
    from shared.ports import Clock

logger = logging.getLogger(__name__)

_DRAFT = "reply-draft"
_SENDING = "reply-sending"
_MOST_DRAFTS = 5  # of one mail, each of which a person has deleted before it was sent
_CONFLICTS = frozenset({404, 409, 412})  # another worker, or a person, was at the draft too


class DraftWriter(Protocol):
    """Writes one mail as a draft."""

    async def begin(self) -> str:
        """Make the draft; its ID."""
        ...

    async def complete(self, draft_id: str) -> None:
        """Fill the draft. Harmless when it was filled before, wholly or in part."""
        ...


class GraphSender:
    """Sends mails from drafts."""

    def __init__(self, outbox: GraphOutbox, ledger: Ledger, *, clock: Clock) -> None:
        self._outbox = outbox
        self._ledger = ledger
        self._clock = clock

    async def send(self, key: str, writer: DraftWriter) -> ReplyReceipt:
        """Try to send the mail of this key. Never raises for what Graph or the ledger does."""
        try:
            return await self._send(key, writer)
        except ServiceUnavailableError as exc:
            return _unavailable(str(exc), exc.retry_after_s)
        except GraphRefusedError as exc:
            if exc.status in _CONFLICTS:
                return _unavailable(str(exc))
            return ReplyReceipt(state=ReplyState.REFUSED, reason=str(exc))

    async def _send(self, key: str, writer: DraftWriter) -> ReplyReceipt:
        for number in range(_MOST_DRAFTS):
            anchor = f"{key}#{number}"
            draft_id = await self._ledger.get(_DRAFT, anchor)
            if draft_id is None:
                own = await writer.begin()
                draft_id = await self._ledger.put_new(_DRAFT, anchor, own)
                if draft_id == own:
                    return await self._send_draft(anchor, own, writer)
                await self._discard(own)
            state = await self._outbox.state(draft_id)
            if state is DraftState.DRAFT:
                return await self._send_draft(anchor, draft_id, writer)
            if state is DraftState.SENT:
                return self._sent()
            if await self._ledger.get(_SENDING, anchor):  # rather no mail than a second one
                facts = {"action": "draft_gone", "reply_id": key}
                logger.warning("sent draft not found", extra=facts)
                return self._sent()
        return ReplyReceipt(
            state=ReplyState.REFUSED, reason="Somebody deletes the drafts of our answer."
        )

    async def _discard(self, draft_id: str) -> None:
        """Delete a draft that came second to another worker's."""
        with suppress(ServiceUnavailableError, GraphRefusedError):
            await self._outbox.delete(draft_id)

    async def _send_draft(self, anchor: str, draft_id: str, writer: DraftWriter) -> ReplyReceipt:
        try:
            await writer.complete(draft_id)
            await self._ledger.put(_SENDING, anchor, draft_id)
            await self._outbox.send(draft_id)
        except (ServiceUnavailableError, GraphRefusedError):
            if await self._went_out(draft_id):
                return self._sent()
            raise
        return self._sent()

    async def _went_out(self, draft_id: str) -> bool:
        """Whether a draft whose sending is unclear was sent. While even that is unclear it was not:
        the next attempt looks again before it sends.
        """
        try:
            return await self._outbox.state(draft_id) is DraftState.SENT
        except (ServiceUnavailableError, GraphRefusedError):
            return False

    def _sent(self) -> ReplyReceipt:
        return ReplyReceipt(state=ReplyState.SENT, at=rfc3339(self._clock.now()))


def _unavailable(sentence: str, retry_after_s: float | None = None) -> ReplyReceipt:
    return ReplyReceipt(state=ReplyState.UNAVAILABLE, reason=sentence, retry_after_s=retry_after_s)
