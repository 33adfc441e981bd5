"""Work that is done again and again, for as long as a program runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from shared.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)


async def repeatedly(work: Callable[[], Awaitable[object]], *, every_s: float) -> None:
    """Do it until cancelled. A service that is down is logged; the next round may find it."""
    while True:
        try:
            await work()
        except IngestError as exc:
            logger.warning(
                "round not finished, will try again",
                extra={"action": "round_failed", "error": str(exc)},
            )
        await asyncio.sleep(every_s)
