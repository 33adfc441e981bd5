"""When a program ends: told to by a signal, or because a part of it failed. And that it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from shared.errors import IngestError

if TYPE_CHECKING:
    from types import FrameType

    from host.background import Background

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STDERR = 2


class StoppedError(IngestError):
    """A part of the server failed, so that it had to stop."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"The server had to stop: {cause} Nothing is lost; start it again.")


class Stop:
    """Hears SIGINT and SIGTERM from the moment it is made, in the main thread, before or after
    there is an event loop. A second signal changes nothing.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarm: int | None = None
        self.told = False
        for number in _SIGNALS:
            signal.signal(number, self._hear)

    def tell(self) -> None:
        """End. Called by signals, so it takes no lock that what it interrupts may hold."""
        self.told = True
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            os.write(alarm, b".")
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and we are about to
                self._loop.call_soon_threadsafe(self._event.set)

    def end_within(self, seconds: float) -> None:
        """From now on the process ends so long after it was told to, whatever hangs in it."""
        told, self._alarm = os.pipe()
        threading.Thread(target=_end, args=(told, seconds), name="stop-alarm", daemon=True).start()
        if self.told:
            self.tell()

    async def wait(self, background: Background) -> StoppedError | None:
        """Wait for a signal, or for the failure of a part; the error to raise after the stop."""
        self._loop = asyncio.get_running_loop()
        if self.told:
            return None
        told = asyncio.create_task(self._event.wait())
        failed = asyncio.create_task(background.failure())
        await asyncio.wait({told, failed}, return_when=asyncio.FIRST_COMPLETED)
        failure = failed.result() if failed.done() else None
        told.cancel()
        failed.cancel()
        if failure is None:
            return None
        self.tell()
        logger.error("server stopped", extra={"action": "server_failed"}, exc_info=failure)
        return StoppedError(failure)

    def is_over(self) -> None:
        """All is done: no signal can spoil the exit code any more."""
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.tell()


def _end(told: int, seconds: float) -> None:
    os.read(told, 1)
    time.sleep(seconds)
    sentence = (
        f"It did not stop in good order within {seconds:g} s, so it was ended: something hangs."
        " Nothing is lost; what was under way is done again.\n"
    )
    with suppress(OSError):  # not by sys.stderr, whose lock the hanging thread may hold
        os.write(_STDERR, sentence.encode())
    os._exit(1)
