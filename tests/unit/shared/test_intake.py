from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.codec import to_json
from shared.intake import record_name
from shared.ports import SubmissionState
from tests.support.core import a_submission

if TYPE_CHECKING:
    from tests.support.core import Core


async def test_an_accepted_submission_is_recorded_queued_indexed_and_told(core: Core) -> None:
    submission = a_submission()
    accepted = await core.services.intake.accept(submission)
    assert accepted.first
    assert await core.services.intake.known(submission.id) == submission
    assert await core.services.queue.depth() == 1
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.ACCEPTED
    assert await core.events() == ["submission.accepted.v1"]


async def test_accepting_again_gives_the_first_record_and_does_nothing_else(core: Core) -> None:
    first = a_submission()
    await core.services.intake.accept(first)
    again = await core.services.intake.accept(replace(first, subject="Another subject"))
    assert not again.first
    assert again.submission == first
    assert await core.services.queue.depth() == 1
    assert len(await core.events()) == 1


async def test_a_crash_after_the_record_is_repaired_by_accepting_again(core: Core) -> None:
    submission = a_submission()
    await core.services.blobs.put_new(record_name(submission.id), to_json(submission))
    await core.services.intake.accept(submission)
    assert await core.services.queue.depth() == 1


async def test_accepting_after_the_work_is_done_starts_nothing_again(core: Core) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    (message,) = await core.services.queue.receive(max_messages=1, max_wait_s=0)
    await core.services.queue.complete(message)
    await core.services.intake.accept(submission)
    assert await core.services.queue.depth() == 0


async def test_an_unknown_submission_is_none(core: Core) -> None:
    assert await core.services.intake.known("mail-none") is None
