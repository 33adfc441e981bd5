"""The choice of every port on one machine, on one page."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.local.blob_store import LocalBlobStore
from adapters.local.clock import SystemClock
from adapters.local.database import Database
from adapters.local.description_jobs import LocalDescriptionJobs
from adapters.local.engine import LocalEngine
from adapters.local.event_publisher import LocalEventPublisher
from adapters.local.event_pump import EventPump
from adapters.local.mailbox import MaildirMailbox
from adapters.local.submission_index import LocalSubmissionIndex
from adapters.local.telemetry import LocalTelemetry
from adapters.local.work_queue import LocalWorkQueue
from describer.providers.identity import identify
from describer.rules import JobRules
from describer.settings import Settings as DescriberSettings
from host.answers import reply_channel
from host.data_folder import DataFolder
from host.services import Services, Stores
from host.telemetry import exporting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from shared.settings import Settings

# A describer opens files of strangers, so it sees no secret but that of its own service.
_DESCRIBER_SEES = (
    *("PATH", "LANG", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR"),
    *("MAIL_INGEST_DESCRIBER", "MAIL_INGEST_DESCRIBER_MEMORY_MB"),
    *("MAIL_INGEST_MAX_PIXELS", "MAIL_INGEST_OCR"),
)
_THIRD_PARTY = "MAIL_INGEST_THIRD_PARTY_"
_WAITING_WORKERS = 4  # of a third party: they wait more than they work
_MORE_THAN_A_DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalParts:
    """The ports, and what only one machine has: the mailbox, the pump of events, the child
    processes.
    """

    folder: DataFolder
    services: Services
    engine: LocalEngine
    jobs: LocalDescriptionJobs
    pump: EventPump
    mailbox: MaildirMailbox
    telemetry: LocalTelemetry


@contextmanager
def local_stores(settings: Settings, folder: DataFolder | None = None) -> Generator[Stores]:
    """The ports that keep and tell things, for a command or for the server."""
    folder = folder or DataFolder.open(settings.place.data)
    with (
        closing(Database(folder.state)) as database,
        closing(LocalBlobStore(folder.blobs)) as blobs,
    ):
        yield _stores(settings, folder, database, blobs, LocalTelemetry())


@asynccontextmanager
async def local_parts(settings: Settings, folder: DataFolder) -> AsyncGenerator[LocalParts]:
    """Everything that serves on one machine; closed in good order at the end of the block."""
    environment = describer_environment(os.environ)
    describer = DescriberSettings.from_env(environment)
    identity = identify(describer)
    async with AsyncExitStack() as stack:
        database = stack.enter_context(closing(Database(folder.state)))
        blobs = stack.enter_context(closing(LocalBlobStore(folder.blobs)))
        telemetry = LocalTelemetry(await stack.enter_async_context(exporting(settings.telemetry)))
        stores = _stores(settings, folder, database, blobs, telemetry)
        engine = LocalEngine.open(folder.engine)
        stack.push_async_callback(engine.stop)
        mailbox = await MaildirMailbox.open(folder.mailbox, clock=stores.clock)
        stack.push_async_callback(mailbox.close)
        jobs = LocalDescriptionJobs(
            database,
            blobs,
            stores.publisher,
            stores.clock,
            _job_rules(settings, describer, environment),
            telemetry=telemetry,
        )
        provider = (identity.name, identity.version)
        yield LocalParts(
            folder=folder,
            services=Services(stores=stores, jobs=jobs, provider=provider),
            engine=engine,
            jobs=jobs,
            pump=EventPump(database, stores.clock),
            mailbox=mailbox,
            telemetry=telemetry,
        )


def describer_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What of our environment a describer gets: its own settings, and what an interpreter needs."""
    return {
        name: value
        for name, value in environment.items()
        if name in _DESCRIBER_SEES or name.startswith(_THIRD_PARTY)
    }


def _stores(
    settings: Settings,
    folder: DataFolder,
    database: Database,
    blobs: LocalBlobStore,
    telemetry: LocalTelemetry,
) -> Stores:
    clock = SystemClock()
    return Stores(
        clock=clock,
        blobs=blobs,
        queue=LocalWorkQueue(database, clock),
        index=LocalSubmissionIndex(database, clock),
        publisher=LocalEventPublisher(database, clock),
        replies=reply_channel(settings, folder, database, blobs, clock),
        telemetry=telemetry,
    )


def _job_rules(
    settings: Settings, describer: DescriberSettings, environment: Mapping[str, str]
) -> JobRules:
    describe, third_party = settings.describe, describer.third_party
    # A service ends its work by its own deadline, which must come before we kill its process.
    least_s = third_party.deadline_s + _MORE_THAN_A_DEADLINE_S if third_party else 0.0
    return JobRules(
        workers=describe.workers or (_WAITING_WORKERS if third_party else 0),
        environment=environment,
        photo_time=timedelta(seconds=max(describe.photo_time_s, least_s)),
        video_time=timedelta(seconds=max(describe.video_time_s, least_s)),
    )
