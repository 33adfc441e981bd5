"""Work that is done again and again, for as long as a program runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from shared.errors import IngestError, log_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)


async def repeatedly(work: Callable[[], Awaitable[object]], *, every_s: float) -> None:
    """Do it until cancelled. A round that fails is logged; the next one may find the service up
    again, or the role given that was missing.
    """
    while True:
        try:
            await work()
        except IngestError as exc:
            logger.warning("round not finished, will try again", extra=_facts(exc))
        except Exception as exc:
            logger.exception("round failed, will try again", extra=_facts(exc))
        await asyncio.sleep(every_s)


def _facts(exc: Exception) -> dict[str, object]:
    return {"action": "round_failed", "error": log_text(exc)}
