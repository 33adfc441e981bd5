"""The local adapters on a folder of a test: what other tests stand on instead of mocks."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.clock import SystemClock
from adapters.local.blob_store import LocalBlobStore
from adapters.local.database import Database
from adapters.local.event_publisher import LocalEventPublisher
from adapters.local.event_pump import EventPump
from adapters.local.intake_journal import LocalIntakeJournal
from adapters.local.submission_index import LocalSubmissionIndex
from adapters.local.work_queue import LocalWorkQueue
from shared.intake import Intake
from shared.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from shared.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServices:
    """Every storage port on one folder, and the intake over them."""

    folder: Path
    clock: Clock
    database: Database
    blobs: LocalBlobStore
    queue: LocalWorkQueue
    publisher: LocalEventPublisher
    pump: EventPump
    index: LocalSubmissionIndex
    intake: Intake


@contextmanager
def local_services(folder: Path, clock: Clock | None = None) -> Generator[LocalServices]:
    """Open the services below `folder`; opening the same folder again is a restart."""
    clock = clock or SystemClock()
    with local_database(folder) as database, local_blob_store(folder) as blobs:
        queue = LocalWorkQueue(database, clock)
        publisher = LocalEventPublisher(database, clock)
        index = LocalSubmissionIndex(database, clock)
        yield LocalServices(
            folder=folder,
            clock=clock,
            database=database,
            blobs=blobs,
            queue=queue,
            publisher=publisher,
            pump=EventPump(database, clock),
            index=index,
            intake=Intake(
                blobs=blobs,
                queue=queue,
                index=index,
                clock=clock,
                turns=Turns(LocalIntakeJournal(database), clock),
            ),
        )


@contextmanager
def local_database(folder: Path) -> Generator[Database]:
    """The state database below `folder`."""
    database = Database(folder / "state.db")
    try:
        yield database
    finally:
        database.close()


@contextmanager
def local_blob_store(folder: Path) -> Generator[LocalBlobStore]:
    """The blob store below `folder`."""
    store = LocalBlobStore(folder / "blobs")
    try:
        yield store
    finally:
        store.close()
