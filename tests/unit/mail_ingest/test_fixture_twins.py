"""Every fixture mail comes out as its golden twin says, through the real way in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mail_ingest.receive import MailOrigin, ReceivePolicy, receive
from mail_ingest.screen import ScreenPolicy
from tests.support.fixture_mails import ALL
from tests.support.local_services import local_services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from shared.model import Submission
    from tests.support.local_services import LocalServices

EMAILS = Path(__file__).parents[2] / "fixtures" / "emails"
CASES = sorted(EMAILS.rglob("*.eml"))
POLICY = ReceivePolicy(screen=ScreenPolicy(own_addresses=frozenset({"photos@newsroom.example"})))


def case_id(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def case(path: Path) -> tuple[bytes, dict[str, Any]]:
    return path.read_bytes(), json.loads(path.with_suffix(".json").read_bytes())


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Generator[LocalServices]:
    with local_services(tmp_path_factory.mktemp("twins")) as opened:
        yield opened


async def submission_of(raw: bytes, services: LocalServices, key: str, size: int) -> Submission:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(raw), size):
            yield raw[at : at + size]

    origin = MailOrigin(source="replay", key=key, received_at="2026-11-24T09:15:00Z")
    accepted = await receive(chunks(), origin=origin, intake=services.intake, policy=POLICY)
    return accepted.submission


def told(submission: Submission) -> dict[str, Any]:
    """A submission as twins tell it."""
    answer = submission.answer_to
    return {
        "media": [
            {
                "file_name": one.file_name,
                "kind": one.kind,
                "media_type": one.media_type,
                "sha256": one.sha256,
            }
            for one in submission.media
        ],
        "left_out": [
            {"file_name": one.file_name, "reason": one.reason} for one in submission.left_out
        ],
        "linked": [
            {"file_name": one.file_name, "size": one.size, "host": one.host}
            for one in submission.linked
        ],
        "answer": answer.reason or True,
    }


@pytest.mark.parametrize("path", CASES, ids=case_id)
async def test_a_mail_comes_out_as_its_twin_says(path: Path, services: LocalServices) -> None:
    raw, twin = case(path)
    defects_at_least = twin.pop("defects_at_least")
    submission = await submission_of(raw, services, case_id(path), 65_536)
    assert told(submission) == twin
    assert len(submission.defects) >= defects_at_least, submission.defects


def test_the_fixtures_are_what_their_script_writes() -> None:
    written = {case_id(path): path.read_bytes() for path in CASES}
    assert written == {one.name: one.raw for one in ALL}
    twins = {case_id(path): path.with_suffix(".json").read_bytes() for path in CASES}
    assert twins == {one.name: one.twin() for one in ALL}
