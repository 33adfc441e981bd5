"""The choice of every port on one machine, on one page."""

from __future__ import annotations

import os
import secrets
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from adapters.local.blob_store import LocalBlobStore
from adapters.local.clock import SystemClock
from adapters.local.database import Database
from adapters.local.description_jobs import LocalDescriptionJobs
from adapters.local.engine import LocalEngine
from adapters.local.event_publisher import LocalEventPublisher
from adapters.local.event_pump import EventPump
from adapters.local.jobs.rules import JobRules
from adapters.local.mailbox import MaildirMailbox
from adapters.local.submission_index import LocalSubmissionIndex
from adapters.local.telemetry import LocalTelemetry
from adapters.local.work_queue import LocalWorkQueue
from describer.providers.identity import identify
from describer.settings import Settings as DescriberSettings
from host.answers import reply_channel
from host.data_folder import DataFolder
from host.services import Services, Stores
from mail_ingest.poll import MailboxPoller, PollPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from mail_ingest.receive import ReceiveMail
    from shared.settings import Settings

_DESCRIBER_SEES = ("PATH", "LANG", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "SSL_CERT_FILE", "TMPDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalParts:
    """The ports, and what only one machine has: the mailbox, the pump of events, the child processes."""

    folder: DataFolder
    services: Services
    engine: LocalEngine
    jobs: LocalDescriptionJobs
    pump: EventPump
    mailbox: MaildirMailbox
    telemetry: LocalTelemetry

    def new_key(self) -> str:
        """A key for an HTTP request that came without one."""
        return secrets.token_hex(16)


@contextmanager
def local_stores(settings: Settings, folder: DataFolder | None = None) -> Generator[Stores]:
    """The ports that keep and tell things, for a command or for the server."""
    folder = folder or DataFolder.open(settings.place.data)
    with _database(folder) as database, _blobs(folder) as blobs:
        yield _stores(settings, folder, database, blobs)


@asynccontextmanager
async def local_parts(settings: Settings, folder: DataFolder) -> AsyncGenerator[LocalParts]:
    """Everything that serves on one machine; closed in good order at the end of the block."""
    environment = describer_environment(os.environ)
    identity = identify(DescriberSettings.from_env(environment))
    engine = LocalEngine.open(folder.engine)
    try:
        with _database(folder) as database, _blobs(folder) as blobs:
            stores = _stores(settings, folder, database, blobs)
            await stores.queue.unlock_all()
            mailbox = await MaildirMailbox.open(folder.mailbox, clock=stores.clock)
            jobs = LocalDescriptionJobs(
                database, blobs, stores.publisher, stores.clock, _job_rules(settings, environment)
            )
            try:
                yield LocalParts(
                    folder=folder,
                    services=Services(
                        stores=stores,
                        engine=engine,
                        jobs=jobs,
                        provider=(identity.name, identity.version),
                    ),
                    engine=engine,
                    jobs=jobs,
                    pump=EventPump(database, stores.clock),
                    mailbox=mailbox,
                    telemetry=stores.telemetry,
                )
            finally:
                await mailbox.close()
                await engine.stop()
    finally:
        await engine.stop()
