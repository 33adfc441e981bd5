"""The core on local adapters, with hand-operated ends: jobs and answers are only written down."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shared.activities import Activities
from shared.answer_limits import AnswerLimits
from shared.classify import Classifier, load_rules
from shared.codec import to_json
from shared.description import Description, Label, Model
from shared.desk import Desk
from shared.desk_notices import DeskNotices
from shared.intake import description_name
from shared.model import AnswerTo, Channel, Kind, MediaItem, Submission, Submitter
from shared.ports import Answer, DescriptionJob, ReplyReceipt, ReplyState
from shared.settings import SHIPPED_RULES
from shared.tracing import NO_TELEMETRY
from tests.support.clocks import ManualClock
from tests.support.local_services import LocalServices, local_services

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator
    from pathlib import Path

PROVIDER = ("test", "1")


@dataclass(slots=True)
class WrittenDownJobs:
    """Takes jobs and does nothing; the test ends them."""

    started: list[DescriptionJob] = field(default_factory=list[DescriptionJob])
    cancelled: list[str] = field(default_factory=list[str])

    async def start(self, job: DescriptionJob) -> None:
        self.started.append(job)

    async def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)


@dataclass(slots=True)
class WrittenDownReplies:
    """Takes answers; gives the receipts that the test lays out, then `sent`."""

    answers: list[Answer] = field(default_factory=list[Answer])
    notices: list[str] = field(default_factory=list[str])
    texts: list[str] = field(default_factory=list[str])
    receipts: list[ReplyReceipt] = field(default_factory=list[ReplyReceipt])

    async def send(self, answer: Answer) -> ReplyReceipt:
        self.answers.append(answer)
        if self.receipts:
            return self.receipts.pop(0)
        return ReplyReceipt(state=ReplyState.SENT, at="2026-11-24T10:00:00.000Z")

    async def notify_desk(self, notice_id: str, subject: str, text: str) -> None:
        self.notices.append(notice_id)
        self.texts.append(f"{subject}\n{text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """Everything that a test of the core touches."""

    clock: ManualClock
    services: LocalServices
    jobs: WrittenDownJobs
    replies: WrittenDownReplies
    activities: Activities
    desk: Desk

    async def describe(self, item: MediaItem, *labels: str) -> str:
        """Put a description of the item into the cache; its blob's name."""
        description = Description(
            kind=item.kind,
            provider=PROVIDER[0],
            model=Model(id="test", version="1"),
            labels=tuple(Label(name=label, confidence=0.9) for label in labels),
            raw={"their": "answer"},
        )
        name = description_name(item.sha256, *PROVIDER)
        await self.services.blobs.put(name, to_json(description))
        return name

    async def events(self) -> list[str]:
        """The types of the events that were published, in order, without their namespace."""

        def select(connection: sqlite3.Connection) -> list[str]:
            rows = connection.execute("SELECT event FROM events ORDER BY sequence").fetchall()
            return [json.loads(event)["type"].split(".", 2)[2] for (event,) in rows]

        return await self.services.database.read(select)


@contextmanager
def open_core(folder: Path) -> Generator[Core]:
    """The core on the local adapters in a folder."""
    clock = ManualClock()
    jobs, replies = WrittenDownJobs(), WrittenDownReplies()
    classifier = Classifier(load_rules(SHIPPED_RULES))
    with local_services(folder, clock) as services:
        yield Core(
            clock=clock,
            services=services,
            jobs=jobs,
            replies=replies,
            activities=Activities(
                blobs=services.blobs,
                index=services.index,
                publisher=services.publisher,
                jobs=jobs,
                replies=replies,
                telemetry=NO_TELEMETRY,
                clock=clock,
                classifier=classifier,
                provider=PROVIDER,
                notices=DeskNotices(
                    blobs=services.blobs,
                    index=services.index,
                    replies=replies,
                    clock=clock,
                    per_hour=3,
                ),
                answer_limits=AnswerLimits(per_address=2, per_domain=4, total=6),
            ),
            desk=Desk(
                blobs=services.blobs,
                index=services.index,
                publisher=services.publisher,
                replies=replies,
                clock=clock,
                classifier=classifier,
            ),
        )


def a_submission(number: int = 1, *, media: int = 1, subject: str = "A photo") -> Submission:
    """A submission by mail with some photos."""
    submission = Submission(
        id=f"mail-{number:026}",
        source="mail",
        received_at="2026-11-24T09:59:00.000Z",
        submitter=Submitter(address="ann@example.org", display_name="Ann"),
        answer_to=AnswerTo(channel=Channel.MAIL, target="ann@example.org"),
        subject=subject,
    )
    return replace(submission, media=tuple(_item(submission.id, n) for n in range(1, media + 1)))


def _item(submission_id: str, number: int) -> MediaItem:
    return MediaItem(
        number=number,
        kind=Kind.PHOTO,
        file_name=f"photo{number}.jpg",
        media_type="image/jpeg",
        declared_type="image/jpeg",
        size=1000,
        sha256=f"{submission_id[-4:]}{number:060}",
        blob=f"submissions/{submission_id}/media/{number}/photo{number}.jpg",
    )
