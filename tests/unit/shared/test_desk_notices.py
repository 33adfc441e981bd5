"""A flood of notices becomes a few mails and a digest, and each notice is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared import steps
from shared.codec import to_payload
from shared.desk_notices import Notice
from shared.errors import ServiceUnavailableError
from tests.support.core import a_submission

if TYPE_CHECKING:
    from tests.support.core import Core


def notice(number: int) -> Notice:
    return Notice(notice_id=f"n{number}", subject=f"Look at {number}", text=f"Why {number}.\nMore.")


async def flood(core: Core, count: int) -> None:
    for number in range(count):
        await core.activities.notices.send(notice(number))


async def test_a_flood_is_a_few_mails_and_one_digest_when_its_hour_is_over(core: Core) -> None:
    await flood(core, 250)
    assert core.replies.notices == ["n0", "n1", "n2"]
    await core.activities.notices.send_digests()
    assert len(core.replies.notices) == 3

    core.clock.advance(hours=1)
    await core.activities.notices.send_digests()
    assert len(core.replies.notices) == 4
    digest = core.replies.texts[-1]
    assert digest.startswith("247 more notices of 2026-11-24, ")
    assert digest.count("* Look at ") == 100
    assert "And 147 more." in digest
    assert "More." not in digest
    assert [name async for name in core.services.blobs.list("notices/")] == []

    await core.activities.notices.send_digests()
    assert len(core.replies.notices) == 4


async def test_a_notice_that_is_asked_for_again_is_told_once(core: Core) -> None:
    await flood(core, 5)
    await flood(core, 5)
    assert set(core.replies.notices) == {"n0", "n1", "n2"}
    core.clock.advance(hours=1)
    await core.activities.notices.send_digests()
    assert core.replies.texts[-1].count("* Look at ") == 2


async def test_the_next_hour_has_notices_of_its_own(core: Core) -> None:
    await flood(core, 5)
    core.clock.advance(hours=1)
    await core.activities.notices.send(notice(9))
    assert core.replies.notices[-1] == "n9"


async def test_a_digest_that_cannot_be_sent_goes_out_the_next_time(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    await flood(core, 5)
    core.clock.advance(hours=1)

    async def unavailable(_: object, notice_id: str, subject: str, text: str) -> None:
        raise ServiceUnavailableError(f"{notice_id} {subject} {text}")

    with monkeypatch.context() as patch:
        patch.setattr(type(core.replies), "notify_desk", unavailable)
        with pytest.raises(ServiceUnavailableError):
            await core.activities.notices.send_digests()
    await core.activities.notices.send_digests()
    assert core.replies.texts[-1].startswith("2 more notices")


async def test_many_answers_that_are_refused_do_not_flood_the_desk(core: Core) -> None:
    for number in range(1, 31):
        submission = a_submission(number, media=0)
        await core.services.intake.accept(submission)
        refused = steps.ReplyResult(state="refused", reason="No such user.")
        request = steps.Complete(submission_id=submission.id, reply=refused)
        await core.activities.report_failed_reply(to_payload(request))
    assert len(core.replies.notices) == 3
    assert (await core.events()).count("reply.failed.v1") == 30
