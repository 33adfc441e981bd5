from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from host.sweep import Sweep
from shared.codec import to_json
from shared.intake import outcome_name, record_name
from shared.model import Category, Outcome, OutcomeStatus
from shared.outcomes import Outcomes
from shared.ports import Instance, InstanceState, SubmissionState
from tests.support.core import Core, a_submission, open_core

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
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
    return Sweep(intake=core.services.intake, engine=Failures(failed))


async def test_a_submission_whose_process_died_after_the_record_is_queued(core: Core) -> None:
    submission = a_submission()
    await core.services.blobs.put_new(record_name(submission.id), to_json(submission))
    await sweep(core).enqueue_forgotten()
    assert await core.services.queue.depth() == 1
    assert await core.services.index.get(submission.id) is not None


async def test_a_damaged_record_does_not_keep_others_from_being_queued(core: Core) -> None:
    damaged, sound = a_submission(1), a_submission(2)
    await core.services.blobs.put_new(record_name(damaged.id), to_json(damaged)[:100])
    await core.services.blobs.put_new(record_name(sound.id), to_json(sound))
    assert await sweep(core).enqueue_forgotten() == frozenset()
    assert await core.services.queue.depth() == 1
    assert await core.services.index.get(sound.id) is not None


async def test_a_submission_that_is_known_is_not_queued_again(core: Core) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    (message,) = await core.services.queue.receive(max_messages=1, max_wait_s=0)
    await core.services.queue.complete(message)
    await sweep(core).enqueue_forgotten()
    assert await core.services.queue.depth() == 0


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

    await sweep(core).enqueue_forgotten()

    (entry,) = await core.services.index.list(category=SPORT)
    assert (entry.submission_id, entry.reason) == (submission.id, "A reason.")
    unconcluded = await core.services.index.get(waiting.id)
    assert unconcluded is not None
    assert unconcluded.categories is None


async def test_a_damaged_outcome_does_not_keep_others_from_being_filed(core: Core) -> None:
    damaged = await written_by_an_older_release(core, 1)
    sound = await written_by_an_older_release(core, 2)
    await core.services.blobs.put(outcome_name(damaged.id), b"{")

    await sweep(core).enqueue_forgotten()

    (entry,) = await core.services.index.list(category=SPORT)
    assert entry.submission_id == sound.id


async def test_what_was_cut_off_is_removed_unless_it_came_again(core: Core) -> None:
    lost, again = a_submission(1), a_submission(2)
    for submission in (lost, again):
        await core.services.blobs.put(submission.media[0].blob, b"half")
    half_way = await sweep(core).enqueue_forgotten()
    assert half_way == {lost.id, again.id}
    await core.services.intake.accept(again)
    assert await sweep(core).remove_half_way(half_way) == 1
    assert not await core.services.blobs.exists(lost.media[0].blob)
    assert await core.services.blobs.exists(again.media[0].blob)


async def test_a_failed_orchestration_becomes_a_visible_dead_letter(core: Core) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    failed = Instance(instance_id=submission.id, state=InstanceState.FAILED, failure="It broke.")
    assert await sweep(core, failed).put_failed_aside() == 1
    assert await sweep(core, failed).put_failed_aside() == 0
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert (entry.state, entry.reason) == (SubmissionState.DEAD_LETTERED, "It broke.")


async def test_a_failed_part_of_a_submission_is_told_by_the_submission_itself(core: Core) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    part = Instance(instance_id=f"{submission.id}:1", state=InstanceState.FAILED, failure="No.")
    assert await sweep(core, part).put_failed_aside() == 0
