"""The chosen ports as one frozen value, and the core on top of them, the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from host.sweep import Sweep
from shared.activities import Activities
from shared.answer_limits import AnswerLimits
from shared.classify import Classifier, load_rules
from shared.described import DescribedHandler
from shared.desk import Desk
from shared.desk_notices import DeskNotices
from shared.dispatch import Dispatcher
from shared.intake import Intake
from shared.steps import Patience

if TYPE_CHECKING:
    from host.sweep import FailedInstances
    from shared.ports import (
        BlobStore,
        Clock,
        DescriptionJobs,
        Engine,
        EventPublisher,
        ReplyChannel,
        SubmissionIndex,
        Telemetry,
        WorkQueue,
    )
    from shared.second_chance import DeadEvents
    from shared.settings import Settings
    from shared.turns import Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The ports that keep and tell things: all that a command needs beside a running server."""

    clock: Clock
    blobs: BlobStore
    queue: WorkQueue
    index: SubmissionIndex
    publisher: EventPublisher
    replies: ReplyChannel
    telemetry: Telemetry
    turns: Turns
    dead_events: DeadEvents | None = None  # where it is not the cloud that keeps them

    def intake(self) -> Intake:
        """The one way in."""
        return Intake(
            blobs=self.blobs,
            queue=self.queue,
            index=self.index,
            clock=self.clock,
            turns=self.turns,
            telemetry=self.telemetry,
        )

    def desk(self, settings: Settings) -> Desk:
        """The newsroom people's side. Raises SettingsError for rules that cannot be read."""
        return Desk(
            blobs=self.blobs,
            index=self.index,
            publisher=self.publisher,
            replies=self.replies,
            clock=self.clock,
            classifier=Classifier(load_rules(settings.place.rules)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Every port but the engine, which Functions hands over with each invocation. `provider` is the
    describer's (id, version), which names cached descriptions.
    """

    stores: Stores
    jobs: DescriptionJobs
    provider: tuple[str, str]

    def dispatcher(self, settings: Settings, engine: Engine) -> Dispatcher:
        """From the queue to the engine."""
        stores = self.stores
        return Dispatcher(
            blobs=stores.blobs,
            queue=stores.queue,
            engine=engine,
            index=stores.index,
            publisher=stores.publisher,
            clock=stores.clock,
            patience=Patience(
                escalate_after_s=settings.describe.escalate_after_s,
                reply_delays_s=settings.answer.retry_delays_s,
            ),
            telemetry=stores.telemetry,
        )

    def activities(self, settings: Settings) -> Activities:
        """The side effects of the orchestrations."""
        stores = self.stores
        return Activities(
            blobs=stores.blobs,
            index=stores.index,
            publisher=stores.publisher,
            jobs=self.jobs,
            replies=stores.replies,
            telemetry=stores.telemetry,
            clock=stores.clock,
            classifier=Classifier(load_rules(settings.place.rules)),
            provider=self.provider,
            answer_limits=AnswerLimits(
                per_address=settings.answer.per_sender_and_day,
                per_domain=settings.answer.per_domain_and_day,
                total=settings.answer.total_per_day,
            ),
            notices=self.notices(settings),
        )

    def notices(self, settings: Settings) -> DeskNotices:
        """What the desk is told by mail."""
        stores = self.stores
        return DeskNotices(
            blobs=stores.blobs,
            index=stores.index,
            replies=stores.replies,
            clock=stores.clock,
            per_hour=settings.answer.desk_notices_per_hour,
        )

    def described_handler(self, settings: Settings, engine: Engine) -> DescribedHandler:
        """What the end of a description job leads to."""
        return DescribedHandler(
            engine=engine,
            index=self.stores.index,
            desk=self.stores.desk(settings),
            telemetry=self.stores.telemetry,
        )

    def sweep(self, engine: FailedInstances) -> Sweep:
        """What repairs after a crash, and shows what has failed."""
        stores = self.stores
        return Sweep(intake=stores.intake(), engine=engine, publisher=stores.publisher)
