"""The choice of every port on one machine, on one page."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.clock import SystemClock
from adapters.local.blob_store import LocalBlobStore
from adapters.local.database import Database
from adapters.local.dead_events import LocalDeadEvents
from adapters.local.description_jobs import LocalDescriptionJobs
from adapters.local.engine import LocalEngine
from adapters.local.event_publisher import LocalEventPublisher
from adapters.local.event_pump import EventPump
from adapters.local.intake_journal import LocalIntakeJournal
from adapters.local.mailbox import MaildirMailbox
from adapters.local.submission_index import LocalSubmissionIndex
from adapters.local.telemetry import LocalTelemetry
from adapters.local.work_queue import LocalWorkQueue
from host.answers import reply_channel
from host.data_folder import DataFolder
from host.describers import Describers
from host.services import Services, Stores
from host.telemetry import exporting
from shared.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from shared.settings import Settings


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
    """Everything that serves on one machine; closed in good order at the end of the block.

    The caller alone serves this folder: what a killed forerunner had in hand is taken up at once.
    """
    describers = Describers.read(settings)
    async with AsyncExitStack() as stack:
        database = stack.enter_context(closing(Database(folder.state)))
        blobs = stack.enter_context(closing(LocalBlobStore(folder.blobs)))
        telemetry = LocalTelemetry(await stack.enter_async_context(exporting(settings.telemetry)))
        stores = _stores(settings, folder, database, blobs, telemetry)
        await LocalWorkQueue(database, stores.clock).unlock_all()
        engine = LocalEngine.open(folder.engine)
        stack.push_async_callback(engine.stop)
        mailbox = await MaildirMailbox.open(folder.mailbox, clock=stores.clock)
        stack.push_async_callback(mailbox.close)
        jobs = LocalDescriptionJobs(
            database,
            blobs,
            stores.publisher,
            stores.clock,
            describers.rules,
            telemetry=telemetry,
        )
        yield LocalParts(
            folder=folder,
            services=Services(stores=stores, jobs=jobs, provider=describers.provider),
            engine=engine,
            jobs=jobs,
            pump=EventPump(database, stores.clock),
            mailbox=mailbox,
            telemetry=telemetry,
        )


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
        turns=Turns(LocalIntakeJournal(database), clock),
        dead_events=LocalDeadEvents(database, clock),
    )
