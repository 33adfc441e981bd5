"""When a program ends: told to by a signal, or because a part of it failed."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from shared.errors import IngestError

if TYPE_CHECKING:
    from host.background import Background

logger = logging.getLogger(__name__)


class StoppedError(IngestError):
    """A part of the server failed, so that it had to stop."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"The server had to stop: {cause} Nothing is lost; start it again.")


class Stop:
    """Made on the event loop before anything starts, so that no signal is missed."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._told.set)

    async def wait(self, background: Background) -> StoppedError | None:
        """Wait for a signal, or for the failure of a part; the error to raise after the stop."""
        told = asyncio.create_task(self._told.wait())
        failed = asyncio.create_task(background.failure())
        await asyncio.wait({told, failed}, return_when=asyncio.FIRST_COMPLETED)
        failure = failed.result() if failed.done() else None
        told.cancel()
        failed.cancel()
        if failure is None:
            return None
        logger.error("server stopped", extra={"action": "server_failed"}, exc_info=failure)
        return StoppedError(failure)
