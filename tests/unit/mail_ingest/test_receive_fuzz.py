"""Mails cut up and put together at random: whatever comes in, the record and the blobs agree."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mail_ingest.receive import MailOrigin, ReceivePolicy, receive
from tests.support.local_services import LocalServices, local_services
from tests.support.mails import RECEIVED_AT, chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.model import Submission

EMAILS = Path(__file__).parents[2] / "fixtures" / "emails"
FIXTURES = [path for path in sorted(EMAILS.rglob("*.eml")) if 0 < path.stat().st_size < 100_000]
INSERTS = [
    b"\r\n\r\n",
    b"--",
    b"\0",
    b"\xff\xfe",
    b"=?",
    b'"',
    b";",
    b"\r\nContent-Type: x\xf6/y\r\n",
]
EDITS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True), st.integers(0, 2000), st.sampled_from([b"", *INSERTS])
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServices]:
    with local_services(tmp_path_factory.mktemp("fuzz")) as opened:
        yield opened


def edited(raw: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for place, removed, inserted in edits:
        at = int(place * len(raw))
        raw = raw[:at] + inserted + raw[at + removed :]
    return raw


async def assert_consistent(services: LocalServices, raw: bytes, submission: Submission) -> None:
    assert submission.original is not None
    assert await services.blobs.get(submission.original.blob) == raw
    assert [item.number for item in submission.media] == list(range(1, len(submission.media) + 1))
    for item in submission.media:
        content = await services.blobs.get(item.blob)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (item.size, item.sha256)
    answer = submission.answer_to
    for line in (submission.subject, answer.target, answer.in_reply_to, *answer.references):
        assert len(line.splitlines()) <= 1
        assert "\0" not in line


@given(path=st.sampled_from(FIXTURES), edits=EDITS)
@example(path=FIXTURES[0], edits=[(0.0, 2000, b"")])
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_mail_becomes_a_consistent_submission(
    runner: asyncio.Runner,
    services: LocalServices,
    path: Path,
    edits: list[tuple[float, int, bytes]],
) -> None:
    raw = edited(path.read_bytes(), edits)

    async def check() -> None:
        origin = MailOrigin(
            source="mail", key=hashlib.sha256(raw).hexdigest(), received_at=RECEIVED_AT
        )
        accepted = await receive(
            chunks(raw, 5000), origin=origin, intake=services.intake, policy=ReceivePolicy()
        )
        await assert_consistent(services, raw, accepted.submission)

    runner.run(check())
