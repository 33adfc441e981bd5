"""The host as a program: ``python -m tests.fakes.functions_host FOLDER PORT SECONDS``.

The app, its ports of Azure, its settings and its credentials are what they would be on Azure. A
timer whose schedule is in seconds fires every so many of them; the rarer ones never.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import host.azure
from adapters.azure.work_queue import ServiceBusWorkQueue
from host.background import Background
from shared.settings.azure import AzureSettings
from tests.fakes.functions_host.host import functions_host
from tests.fakes.functions_host.triggers import fire_timer
from tests.fakes.functions_host.worker import FunctionFailedError

if TYPE_CHECKING:
    from tests.fakes.functions_host.worker import Worker

logger = logging.getLogger(__name__)


async def _serve(folder: Path, port: int, every_s: float) -> None:
    settings = AzureSettings.read().service_bus
    queue = ServiceBusWorkQueue.open(settings, credential=host.azure.identity())
    async with functions_host(folder, port, queue) as worker, Background() as background:
        for name, function in worker.functions.items():
            if str(function.trigger.get("schedule")).startswith("*/"):
                background.run(_keep_firing(worker, name, every_s), name=name)
        await asyncio.Event().wait()


async def _keep_firing(worker: Worker, name: str, every_s: float) -> None:
    while True:
        try:
            await fire_timer(worker, name)
        except FunctionFailedError as error:
            logger.warning("timer failed", extra={"action": "timer_failed", "error": str(error)})
        await asyncio.sleep(every_s)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
