"""From the queue to the dispatcher, for as long as the process serves."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from shared.errors import IngestError

if TYPE_CHECKING:
    from shared.dispatch import Dispatcher
    from shared.ports import WorkQueue

logger = logging.getLogger(__name__)

_AT_ONCE = 32
_LONGEST_WAIT_S = 30.0
_PAUSE_S = 5.0  # when the queue itself cannot be read


async def pump_queue(queue: WorkQueue, dispatcher: Dispatcher) -> None:
    """Dispatch messages until cancelled. A fault of the queue is logged and waited out."""
    while True:
        try:
            messages = await queue.receive(max_messages=_AT_ONCE, max_wait_s=_LONGEST_WAIT_S)
            async with asyncio.TaskGroup() as group:
                for message in messages:
                    group.create_task(dispatcher.dispatch(message))
        except* IngestError as group_error:
            logger.warning(
                "queue not worked off, will try again",
                extra={"action": "queue_unavailable", "error": str(group_error.exceptions[0])},
            )
            await asyncio.sleep(_PAUSE_S)
