"""mail-ingest serve: the whole system on one machine, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from host.logs import log_to_stderr
from host.server import running
from host.terminal import say
from shared.errors import IngestError
from shared.settings import Settings

if TYPE_CHECKING:
    from host.server import Running

logger = logging.getLogger(__name__)


class StoppedError(IngestError):
    """A part of the server failed, so that it had to stop."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"The server had to stop: {cause} Nothing is lost; start it again.")


def serve() -> None:
    """Serve until SIGINT or SIGTERM; raises IngestError with a sentence when it cannot."""
    settings = Settings.read()
    log_to_stderr(settings.place.log_level)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as host:
        _say_where(host)
        stopped = asyncio.create_task(stop.wait())
        failed = asyncio.create_task(host.background.failure())
        await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
        failure = failed.result() if failed.done() else None
        stopped.cancel()
        failed.cancel()
    if failure is not None:
        logger.error("server stopped", extra={"action": "server_failed"}, exc_info=failure)
        raise StoppedError(failure)


def _say_where(host: Running) -> None:
    say(f"HTTP     {host.http_url}   (try {host.http_url}/health/ready)")
    if host.smtp_address is not None:
        say(f"SMTP     {host.smtp_address[0]}:{host.smtp_address[1]}")
    folder = host.parts.folder
    say(f"Maildir  {folder.mailbox}")
    say(f"Data     {folder.path}")
    logger.info("server started", extra={"action": "server_started"})
