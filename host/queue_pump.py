"""From the queue to the dispatcher, for as long as the process serves."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from shared.errors import IngestError, log_text

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from shared.dispatch import Dispatcher
    from shared.ports import QueuedMessage, WorkQueue

logger = logging.getLogger(__name__)

_AT_ONCE = 32
_LONGEST_WAIT_S = 30.0
_PAUSE_S = 5.0  # when the queue itself cannot be read


async def pump_queue(queue: WorkQueue, dispatcher: Dispatcher) -> None:
    """Dispatch messages until cancelled; what was begun then is finished. Whatever goes wrong is
    logged and waited out.
    """
    while True:
        try:
            messages = await queue.receive(max_messages=_AT_ONCE, max_wait_s=_LONGEST_WAIT_S)
            faults = await _finished(_dispatch_all(dispatcher, messages))
        except Exception as exc:  # noqa: BLE001 - logged below, with those of the messages
            faults = [exc]
        for fault in {type(fault): fault for fault in faults}.values():  # all met the same one
            _log(fault)
        if faults:
            await asyncio.sleep(_PAUSE_S)


async def _dispatch_all(
    dispatcher: Dispatcher, messages: Sequence[QueuedMessage]
) -> list[Exception]:
    """Dispatch each, whatever becomes of the others; what went wrong."""
    outcomes = await asyncio.gather(
        *(dispatcher.dispatch(message) for message in messages), return_exceptions=True
    )
    return [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def _log(fault: Exception) -> None:
    facts = {"action": "queue_unavailable", "error": log_text(fault)}
    if isinstance(fault, IngestError):
        logger.warning("queue not worked off, will try again", extra=facts)
    else:
        logger.error("queue not worked off, will try again", extra=facts, exc_info=fault)


async def _finished[T](work: Coroutine[None, None, T]) -> T:
    """Do work to its end, also when we are cancelled meanwhile: a message that is left half done
    would wait until its lock ends.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
