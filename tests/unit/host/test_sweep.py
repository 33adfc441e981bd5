from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from adapters.local.blob_store import LocalBlobStore
from adapters.local.submission_index import LocalSubmissionIndex
from host.sweep import Sweep
from shared.codec import to_json
from shared.errors import ServiceUnavailableError
from shared.intake import outcome_name, record_name
from shared.model import Category, Outcome, OutcomeStatus
from shared.outcomes import Outcomes
from shared.ports import IndexEntry, Instance, InstanceState, SubmissionState
from shared.reception import receive_once
from tests.support.core import Core, a_submission, open_core
from tests.support.recorded_telemetry import RecordedTelemetry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from shared.model import Submission

SPORT = "medtop:15000000"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with open_core(tmp_path) as opened:
        yield opened


@dataclass(frozen=True, slots=True)
class Failures:
    """An engine that tells of these instances."""

    instances: tuple[Instance, ...] = ()

    async def failed(self, limit: int = 100) -> Sequence[Instance]:
        return self.instances[:limit]


def sweep(core: Core, *failed: Instance) -> Sweep:
    services = core.services
    return Sweep(intake=services.intake, engine=Failures(failed), publisher=services.publisher)


async def cut_short(core: Core, submission: Submission, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record a submission and come no further, as a process does that dies."""

    async def die(*_args: object, **_kwargs: object) -> None:
        raise ServiceUnavailableError("queue")

    async def read(_chunks: AsyncIterator[bytes], _folder: str) -> Submission:
        return submission

    with monkeypatch.context() as patch:
        patch.setattr(type(core.services.queue), "send", die)
        with pytest.raises(ServiceUnavailableError):
            await receive_once(core.services.intake, submission.id, nothing(), read)


async def nothing() -> AsyncGenerator[bytes]:
    return
    yield b""


async def cut_off(core: Core) -> set[str]:
    journal, now = core.services.intake.turns.journal, core.clock.now().timestamp()
    return {each.submission_id for each in await journal.cut_off(now=now)}


async def test_a_submission_whose_process_died_after_the_record_is_queued(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = a_submission()
    await cut_short(core, submission, monkeypatch)
    assert await cut_off(core) == {submission.id}
    assert await core.services.queue.depth() == 0
    await sweep(core).repair()
    assert await core.services.queue.depth() == 1
    assert await core.services.index.get(submission.id) is not None
    assert await cut_off(core) == set()


async def test_that_it_is_in_the_index_does_not_say_that_it_is_in_the_queue(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = a_submission()
    await cut_short(core, submission, monkeypatch)
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.ACCEPTED
    await sweep(core).repair()
    assert await core.services.queue.depth() == 1


@pytest.mark.parametrize(
    "state", [SubmissionState.DESCRIBING, SubmissionState.DEAD_LETTERED, SubmissionState.DONE]
)
async def test_a_submission_that_is_worked_on_is_not_queued_again(
    core: Core, monkeypatch: pytest.MonkeyPatch, state: SubmissionState
) -> None:
    submission = a_submission()
    await cut_short(core, submission, monkeypatch)
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    await core.services.index.put(replace(entry, state=state))
    await sweep(core).repair()
    assert await core.services.queue.depth() == 0
    assert await cut_off(core) == set()


async def test_a_look_at_a_store_costs_the_same_however_much_is_in_it(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 4):
        await core.services.intake.accept(a_submission(number))
    await sweep(core).repair()
    for grown in (LocalBlobStore.list, LocalBlobStore.get, LocalSubmissionIndex.get):
        kind, _, name = grown.__qualname__.rpartition(".")
        monkeypatch.setattr(f"{grown.__module__}.{kind}.{name}", pytest.fail)
    await sweep(core).repair()


async def test_what_was_cut_off_before_there_was_a_journal_is_queued(core: Core) -> None:
    unknown, unqueued = a_submission(1), a_submission(2)
    for submission in (unknown, unqueued):
        await core.services.blobs.put_new(record_name(submission.id), to_json(submission))
    await core.services.index.put(
        IndexEntry(
            submission_id=unqueued.id,
            source="mail",
            received_at=unqueued.received_at,
            state=SubmissionState.ACCEPTED,
        )
    )
    await sweep(core).repair()
    assert await core.services.queue.depth() == 2
    assert await core.services.index.get(unknown.id) is not None


async def test_a_damaged_record_is_told_once_and_keeps_no_others_from_being_queued(
    core: Core, caplog: pytest.LogCaptureFixture
) -> None:
    damaged, sound = a_submission(1), a_submission(2)
    await core.services.blobs.put_new(record_name(damaged.id), to_json(damaged)[:100])
    await core.services.blobs.put_new(record_name(sound.id), to_json(sound))
    sweeping = sweep(core)
    for _ in range(2):
        await sweeping.repair()
        core.clock.advance(days=2)
    assert await core.services.queue.depth() == 1
    assert [vars(line)["action"] for line in caplog.records].count("record_damaged") == 1
    await core.services.blobs.put(record_name(damaged.id), to_json(damaged))  # from a copy
    await sweeping.repair()
    assert await core.services.queue.depth() == 2


async def written_by_an_older_release(core: Core, number: int) -> Submission:
    """A submission that is done, and whose entry does not say its categories."""
    submission = a_submission(number, media=0)
    await core.services.intake.accept(submission)
    outcome = Outcome(
        submission_id=submission.id,
        status=OutcomeStatus.NO_MEDIA,
        received_at=submission.received_at,
        categories=(Category(code=SPORT, name="sport"),),
    )
    await Outcomes(blobs=core.services.blobs).put(outcome)
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    await core.services.index.put(replace(entry, state=SubmissionState.DONE, reason="A reason."))
    return submission


async def test_what_an_older_release_has_concluded_is_filed_under_its_categories(
    core: Core,
) -> None:
    submission = await written_by_an_older_release(core, 1)
    waiting = a_submission(2)
    await core.services.intake.accept(waiting)

    await sweep(core).repair()

    (entry,) = await core.services.index.list(category=SPORT)
    assert (entry.submission_id, entry.reason) == (submission.id, "A reason.")
    unconcluded = await core.services.index.get(waiting.id)
    assert unconcluded is not None
    assert unconcluded.categories is None


async def test_a_damaged_outcome_does_not_keep_others_from_being_filed(core: Core) -> None:
    damaged = await written_by_an_older_release(core, 1)
    sound = await written_by_an_older_release(core, 2)
    await core.services.blobs.put(outcome_name(damaged.id), b"{")

    await sweep(core).repair()

    (entry,) = await core.services.index.list(category=SPORT)
    assert entry.submission_id == sound.id


async def test_what_was_cut_off_is_removed_after_a_day_unless_it_came_again(core: Core) -> None:
    lost, again = a_submission(1), a_submission(2)
    for submission in (lost, again):
        async with core.services.intake.turns.of(submission.id):
            await core.services.blobs.put(submission.media[0].blob, b"half")
    await sweep(core).repair()
    core.clock.advance(hours=23)
    await sweep(core).repair()
    assert await core.services.blobs.exists(lost.media[0].blob)
    await core.services.intake.accept(again)
    core.clock.advance(hours=2)
    await sweep(core).repair()
    assert not await core.services.blobs.exists(lost.media[0].blob)
    assert await core.services.blobs.exists(again.media[0].blob)
    assert await cut_off(core) == set()


async def test_a_failed_orchestration_becomes_a_visible_dead_letter(
    core: Core, caplog: pytest.LogCaptureFixture
) -> None:
    submission, telemetry = a_submission(), RecordedTelemetry()
    await core.services.intake.accept(submission)
    failed = Instance(instance_id=submission.id, state=InstanceState.FAILED, failure="It broke.")
    looking = sweep(core, failed)
    looking = replace(looking, intake=replace(looking.intake, telemetry=telemetry))
    assert await looking.put_failed_aside() == 1
    assert await looking.put_failed_aside() == 0
    assert telemetry.counted == [("submissions_dead_lettered", 1, {})]
    (told, _) = [vars(line) for line in caplog.records]
    assert (told["submission_id"], told["reason"]) == (submission.id, "It broke.")
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert (entry.state, entry.reason) == (SubmissionState.DEAD_LETTERED, "It broke.")


async def test_what_failed_after_its_submission_was_concluded_is_not_put_aside(core: Core) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    await core.services.index.put(replace(entry, state=SubmissionState.DONE))
    failed = Instance(instance_id=submission.id, state=InstanceState.FAILED, failure="It broke.")
    assert await sweep(core, failed).put_failed_aside() == 0
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.DONE
    assert await core.events() == []


async def test_a_failed_part_of_a_submission_is_told_by_the_submission_itself(core: Core) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    part = Instance(instance_id=f"{submission.id}:1", state=InstanceState.FAILED, failure="No.")
    assert await sweep(core, part).put_failed_aside() == 0
