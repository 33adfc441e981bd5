"""The host's process on local adapters: a folder keeps everything, so a second process goes on
where the first was killed.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

import host.azure
from adapters.local.mailbox import MaildirMailbox
from adapters.local.queue_rows import QueueRules
from adapters.local.work_queue import LocalWorkQueue
from host.answers import reply_channel
from host.azure import AzureParts
from host.background import Background
from host.data_folder import DataFolder
from host.logs import log_to_stderr
from host.services import Services, Stores
from shared.events import DESCRIBED
from shared.settings import Settings
from shared.tracing import NO_TELEMETRY
from tests.fakes.functions_host.host import functions_host
from tests.fakes.functions_host.inline_jobs import PROVIDER, InlineJobs
from tests.fakes.functions_host.triggers import deliver_event
from tests.support.described_door import fetch_any_mail
from tests.support.local_services import LocalServices, local_services
from tests.support.uploads import EveryUpload

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shared.ports import WorkQueue
    from tests.fakes.functions_host.worker import CrashPoint

_LOCK = timedelta(seconds=1)  # of a message; short, because tests kill who holds it


def serve(
    folder: Path, port: int, environment: Mapping[str, str], crash: CrashPoint | None
) -> None:
    """Be the process: serve until killed."""
    os.environ.update(environment)
    log_to_stderr("WARNING")
    asyncio.run(_serve(folder, port, crash))


async def _serve(folder: Path, port: int, crash: CrashPoint | None) -> None:
    async with AsyncExitStack() as stack:
        services = stack.enter_context(local_services(folder))
        queue = LocalWorkQueue(services.database, services.clock, QueueRules(lock=_LOCK))
        mailbox = await MaildirMailbox.open(folder / "mailbox", clock=services.clock)
        stack.push_async_callback(mailbox.close)
        parts = _parts(services, queue, mailbox)
        host.azure.build = lambda _settings, _azure: parts
        worker = await stack.enter_async_context(functions_host(folder, port, queue, crash))
        services.pump.subscribe(DESCRIBED, lambda event: deliver_event(worker, event))
        background = await stack.enter_async_context(Background())
        background.run(services.pump.run(), name="event grid")
        await asyncio.Event().wait()


def _parts(services: LocalServices, queue: WorkQueue, mailbox: MaildirMailbox) -> AzureParts:
    settings, folder = Settings.read(), DataFolder.open(services.folder)
    stores = Stores(
        clock=services.clock,
        blobs=services.blobs,
        queue=queue,
        index=services.index,
        publisher=services.publisher,
        replies=reply_channel(settings, folder, services.database, services.blobs, services.clock),
        telemetry=NO_TELEMETRY,
        turns=services.intake.turns,
    )
    jobs = InlineJobs(blobs=stores.blobs, publisher=stores.publisher, clock=stores.clock)
    return AzureParts(
        services=Services(stores=stores, jobs=jobs, provider=PROVIDER),
        jobs=jobs,
        mailbox=mailbox,
        mailboxes=defaultdict(lambda: fetch_any_mail),
        uploads=EveryUpload(services.blobs),
    )
