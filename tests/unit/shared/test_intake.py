from __future__ import annotations

import gc
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from host.lazy import lazily
from shared.codec import to_json
from shared.errors import SettingsError
from shared.intake import record_name
from shared.ports import SubmissionState
from tests.support.core import a_submission

if TYPE_CHECKING:
    from shared.ports import SubmissionIndex
    from tests.support.core import Core


async def test_an_accepted_submission_is_recorded_queued_and_indexed(core: Core) -> None:
    submission = a_submission()
    accepted = await core.services.intake.accept(submission)
    assert accepted.first
    assert await core.services.intake.known(submission.id) == submission
    assert await core.services.queue.depth() == 1
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.ACCEPTED


async def test_accepting_again_gives_the_first_record_and_does_nothing_else(core: Core) -> None:
    first = a_submission()
    await core.services.intake.accept(first)
    again = await core.services.intake.accept(replace(first, subject="Another subject"))
    assert not again.first
    assert again.submission == first
    assert await core.services.queue.depth() == 1


async def test_a_crash_after_the_record_is_repaired_by_accepting_again(core: Core) -> None:
    submission = a_submission()
    await core.services.blobs.put_new(record_name(submission.id), to_json(submission))
    await core.services.intake.accept(submission)
    assert await core.services.queue.depth() == 1


async def test_an_index_that_cannot_be_had_leaves_nothing_half_begun(core: Core) -> None:
    def fail() -> SubmissionIndex:
        raise SettingsError("MAIL_INGEST_TABLE_URL", "it is not set.")

    submission = a_submission()
    with pytest.raises(SettingsError, match="it is not set"):
        await replace(core.services.intake, index=lazily(fail)).accept(submission)
    gc.collect()  # a coroutine that nobody awaited would complain now, and fail this test
    assert await core.services.queue.depth() == 0


async def test_accepting_after_the_work_is_done_starts_nothing_again(core: Core) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    (message,) = await core.services.queue.receive(max_messages=1, max_wait_s=0)
    await core.services.queue.complete(message)
    await core.services.intake.accept(submission)
    assert await core.services.queue.depth() == 0


async def test_an_unknown_submission_is_none(core: Core) -> None:
    assert await core.services.intake.known("mail-none") is None
