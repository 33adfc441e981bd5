"""mail-ingest serve: the whole system on one machine, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from host.logs import log_to_stderr
from host.server import running
from host.setting_names import warn_of_unknown_settings
from host.stopping import Stop
from host.terminal import say
from shared.settings import Settings

if TYPE_CHECKING:
    from host.server import Running

logger = logging.getLogger(__name__)


def serve() -> None:
    """Serve until SIGINT or SIGTERM; raises IngestError with a sentence when it cannot."""
    settings = Settings.read()
    log_to_stderr(settings.place.log_level)
    warn_of_unknown_settings()
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = Stop()
    async with running(settings) as host:
        _say_where(host)
        failure = await stop.wait(host.background)
    if failure is not None:
        raise failure


def _say_where(host: Running) -> None:
    say(f"HTTP     {host.http_url}   (try {host.http_url}/health/ready)")
    if host.smtp_address is not None:
        say(f"SMTP     {host.smtp_address[0]}:{host.smtp_address[1]}")
    folder = host.parts.folder
    say(f"Maildir  {folder.mailbox}")
    say(f"Data     {folder.path}")
    logger.info("server started", extra={"action": "server_started"})
