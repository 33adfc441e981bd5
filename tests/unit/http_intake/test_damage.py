"""GET /v1/submissions/{id} while a stored file of the submission is damaged, on either platform."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from shared.codec import to_json
from shared.intake import outcome_name, record_name
from shared.model import Outcome, OutcomeStatus
from tests.support.azure_services import azure_blob_store
from tests.support.http_door import JPEG, Door, open_door

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx

    from tests.support.azurite import Azurite

WHOLE = to_json(
    Outcome(submission_id="http-x", status=OutcomeStatus.COMPLETED, received_at="2026-11-24")
)
DAMAGED = {
    "empty": b"",
    "zeros": bytes(512),
    "cut off": WHOLE[:-20],
    "another value": b"[]",
    "another object": b'{"status": "completed"}',
    "not UTF-8": WHOLE.replace(b"http-x", b"http-\xff"),
}
damaged = pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["local", "azure"])
async def door(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Door]:
    folder = tmp_path_factory.mktemp("door")
    if request.param == "local":
        async with open_door(folder) as door:
            yield door
    else:
        azurite: Azurite = request.getfixturevalue("azurite")
        async with (
            azure_blob_store(azurite.settings()) as blobs,
            open_door(folder, blobs=blobs) as door,
        ):
            yield door


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def submission_id(door: Door) -> str:
    answer = await door.client.post("/v1/submissions", files={"a": ("a.jpg", JPEG)})
    return answer.json()["id"]


@damaged
async def test_a_damaged_outcome_is_a_problem_and_in_the_log(
    door: Door, submission_id: str, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await door.doors.intake.blobs.put(outcome_name(submission_id), content)

    with caplog.at_level(logging.INFO):
        answer = await door.client.get(f"/v1/submissions/{submission_id}")

    assert "The stored outcome of this submission is damaged" in detail(answer)
    assert told(caplog) == [submission_id]


@damaged
async def test_a_damaged_record_is_a_problem_and_in_the_log(
    door: Door, submission_id: str, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    blobs, name = door.doors.intake.blobs, record_name(submission_id)
    whole = await blobs.get(name)
    await blobs.put(name, content)

    with caplog.at_level(logging.INFO):
        answer = await door.client.get(f"/v1/submissions/{submission_id}")
    await blobs.put(name, whole)

    assert "The stored record of this submission is damaged" in detail(answer)
    assert told(caplog) == [submission_id]


async def test_a_mended_outcome_is_told_again(door: Door, submission_id: str) -> None:
    await door.doors.intake.blobs.put(outcome_name(submission_id), b"")
    await door.doors.intake.blobs.put(outcome_name(submission_id), WHOLE)

    answer = await door.client.get(f"/v1/submissions/{submission_id}")

    assert answer.json()["outcome"]["status"] == "completed"


def detail(answer: httpx.Response) -> str:
    """What the problem says, which is of the kind that stands for damage."""
    assert answer.status_code == 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/damaged"
    return answer.json()["detail"]


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The submissions whose damage is in the log."""
    facts = [vars(record) for record in caplog.records]
    return [it["submission_id"] for it in facts if it.get("action") == "record_damaged"]
