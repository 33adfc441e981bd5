"""The host's process: the local adapters in a folder, the worker on them, and every trigger.

`python -m tests.fakes.functions_host.program FOLDER PORT` serves until it is killed. The folder
keeps everything, so a second process goes on where the first was killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import defaultdict
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import host.azure
from adapters.local.mailbox import MaildirMailbox
from adapters.local.queue_rows import QueueRules
from adapters.local.work_queue import LocalWorkQueue
from host.answers import reply_channel
from host.azure import AzureParts
from host.background import Background
from host.data_folder import DataFolder
from host.logic_app import LogicApp
from host.logs import log_to_stderr
from host.services import Services, Stores
from shared.events import DESCRIBED
from shared.settings import Settings
from shared.settings.azure import AzureSettings
from shared.tracing import NO_TELEMETRY
from tests.fakes.functions_host.durable import FunctionsTaskHub, client_configuration
from tests.fakes.functions_host.http import front_end
from tests.fakes.functions_host.inline_jobs import PROVIDER, InlineJobs
from tests.fakes.functions_host.triggers import deliver_event, pump_queue
from tests.fakes.functions_host.worker import CrashPoint, Worker
from tests.fakes.task_hub.server import task_hub
from tests.support.described_door import fetch_any_mail
from tests.support.local_services import LocalServices, local_services

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from shared.ports import WorkQueue

_LOCK = timedelta(seconds=2)  # of a message; short, because tests kill who holds it
PROJECT = Path(__file__).parents[3]


@asynccontextmanager
async def running(folder: Path, port: int, crash: CrashPoint | None = None) -> AsyncGenerator[str]:
    """Run the app for as long as the block lasts; its base URL."""
    async with AsyncExitStack() as stack:
        services = stack.enter_context(local_services(folder))
        hub = FunctionsTaskHub.open(folder / "engine.db")
        stack.push_async_callback(hub.stop)
        address = await stack.enter_async_context(task_hub(hub))
        mailbox = await MaildirMailbox.open(folder / "mailbox", clock=services.clock)
        stack.push_async_callback(mailbox.close)
        queue = LocalWorkQueue(services.database, services.clock, QueueRules(lock=_LOCK))
        parts = _parts(services, queue, mailbox)
        host.azure.build = lambda _settings, _azure: parts
        worker = Worker(client_configuration(address), crash)
        await worker.load(PROJECT)
        background = await stack.enter_async_context(Background())
        hub.serve(worker)
        services.pump.subscribe(DESCRIBED, lambda event: deliver_event(worker, event))
        background.run(services.pump.run(), name="event grid")
        background.run(pump_queue(worker, queue), name="service bus")
        yield await stack.enter_async_context(front_end(worker, port))


def serve(
    folder: Path, port: int, environment: Mapping[str, str], crash: CrashPoint | None = None
) -> None:
    """Be the process: serve until killed."""
    os.environ.update(environment)
    log_to_stderr("WARNING")
    asyncio.run(_serve(folder, port, crash))


async def _serve(folder: Path, port: int, crash: CrashPoint | None) -> None:
    async with running(folder, port, crash):
        await asyncio.Event().wait()


def _parts(services: LocalServices, queue: WorkQueue, mailbox: MaildirMailbox) -> AzureParts:
    settings = Settings.read()
    stores = Stores(
        clock=services.clock,
        blobs=services.blobs,
        queue=queue,
        index=services.index,
        publisher=services.publisher,
        replies=reply_channel(
            settings,
            DataFolder.open(services.folder),
            services.database,
            services.blobs,
            services.clock,
        ),
        telemetry=NO_TELEMETRY,
    )
    jobs = InlineJobs(blobs=stores.blobs, publisher=stores.publisher, clock=stores.clock)
    return AzureParts(
        services=Services(stores=stores, jobs=jobs, provider=PROVIDER),
        jobs=jobs,
        mailbox=mailbox,
        mailboxes=defaultdict(lambda: fetch_any_mail),
        logic_app=LogicApp.read(AzureSettings.read()),
    )


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), {})
