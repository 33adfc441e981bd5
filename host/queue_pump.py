"""From the queue to the dispatcher, for as long as the process serves."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from shared.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from shared.dispatch import Dispatcher
    from shared.ports import QueuedMessage, WorkQueue

logger = logging.getLogger(__name__)

_AT_ONCE = 32
_LONGEST_WAIT_S = 30.0
_PAUSE_S = 5.0  # when the queue itself cannot be read


async def pump_queue(queue: WorkQueue, dispatcher: Dispatcher) -> None:
    """Dispatch messages until cancelled; what was begun then is finished. A fault of the queue is
    logged and waited out.
    """
    while True:
        try:
            messages = await queue.receive(max_messages=_AT_ONCE, max_wait_s=_LONGEST_WAIT_S)
            await _finished(_dispatch_all(dispatcher, messages))
        except* IngestError as group_error:
            logger.warning(
                "queue not worked off, will try again",
                extra={"action": "queue_unavailable", "error": str(group_error.exceptions[0])},
            )
            await asyncio.sleep(_PAUSE_S)


async def _dispatch_all(dispatcher: Dispatcher, messages: Sequence[QueuedMessage]) -> None:
    """Dispatch each, whatever becomes of the others. Raises an ExceptionGroup."""
    outcomes = await asyncio.gather(
        *(dispatcher.dispatch(message) for message in messages), return_exceptions=True
    )
    faults = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    if faults:
        raise ExceptionGroup("messages not dispatched", faults)


async def _finished(work: Coroutine[None, None, None]) -> None:
    """Do work to its end, also when we are cancelled meanwhile: a message that is left half done
    would wait until its lock ends.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
