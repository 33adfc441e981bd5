"""The host's process on the ports of Azure, as host/azure.py chooses them: the services are
wherever the settings say, and only who we are is made up.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import host.azure
from adapters.azure.work_queue import ServiceBusWorkQueue
from host.logs import log_to_stderr
from shared.settings.azure import AzureSettings
from tests.fakes.functions_host.host import functions_host
from tests.support.credentials import FixedToken
from tests.support.graph import TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from azure.core.credentials_async import AsyncTokenCredential

    from tests.fakes.functions_host.worker import CrashPoint


def serve(
    folder: Path, port: int, environment: Mapping[str, str], crash: CrashPoint | None
) -> None:
    """Be the process: serve until killed."""
    os.environ.update(environment)
    log_to_stderr("WARNING")
    host.azure.identity = _identity
    asyncio.run(_serve(folder, port, crash))


async def _serve(folder: Path, port: int, crash: CrashPoint | None) -> None:
    queue = ServiceBusWorkQueue.open(AzureSettings.read().service_bus)
    async with functions_host(folder, port, queue, crash):
        await asyncio.Event().wait()


def _identity() -> AsyncTokenCredential:
    return FixedToken(TOKEN)
