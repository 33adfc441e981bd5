"""The newsroom's commands with the services of Azure behind the command line."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.azure.submission_index import TableSubmissionIndex
from adapters.azure.work_queue import ServiceBusWorkQueue
from shared import steps
from shared.codec import from_json, to_payload
from shared.intake import record_name
from shared.model import MediaStatus, Submission
from tests.fakes.event_grid.topic import KEY, topic
from tests.support.azure_services import azure_blob_store, azure_tables
from tests.support.core import Core, open_core
from tests.support.operator import command, storage_environment
from tests.support.server_process import free_port
from tests.support.service_bus import ServiceBusProcess

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.settings.azure import StorageSettings
    from tests.fakes.event_grid.topic import Topic
    from tests.support.azurite import Azurite

MAIL = Path("tests/fixtures/emails/demo/rocket_launch_from_gmail.eml")
SPORT = "medtop:15000000"
NOWHERE = "https://127.0.0.1:1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsroom:
    """What is set on the operator's machine, and where it leads."""

    storage: StorageSettings
    bus: ServiceBusProcess
    events: Topic
    folder: Path
    environment: dict[str, str]

    async def run(self, *words: str) -> str:
        """Run a command that must go well, and leave nothing on this machine."""
        done = await asyncio.to_thread(command, self.environment, *words)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        assert not await asyncio.to_thread(self.folder.exists)
        return done.stdout

    async def listed(self, *words: str) -> list[str]:
        lines = (await self.run(*words, "--json")).splitlines()
        return [json.loads(line)["submission_id"] for line in lines]


@pytest.fixture
async def newsroom(azurite: Azurite, tmp_path: Path) -> AsyncGenerator[Newsroom]:
    bus, storage, folder = ServiceBusProcess(tmp_path), azurite.settings(), tmp_path / "data"
    bus.start()
    async with topic() as events:
        environment = storage_environment(storage) | {
            "ServiceBusConnection": bus.connection_string,
            "MAIL_INGEST_QUEUE": bus.queue,
            "MAIL_INGEST_EVENT_GRID_URL": f"{events.url}/api/events",
            "MAIL_INGEST_EVENT_GRID_KEY": KEY,
            "MAIL_INGEST_DATA": str(folder),
        }
        yield Newsroom(
            storage=storage, bus=bus, events=events, folder=folder, environment=environment
        )
    bus.kill()


async def test_a_newsroom_works_with_what_lies_on_azure(newsroom: Newsroom, tmp_path: Path) -> None:
    run, listed = newsroom.run, newsroom.listed
    assert await run("status") == "There is no submission yet.\n"
    assert await run("desk", "list") == "Nothing waits for the desk.\n"

    taken = json.loads(await run("replay", str(MAIL), "--json"))
    submission_id = taken["id"]
    assert (taken["first"], taken["state"]) == (True, "accepted")
    assert await listed("status", "--state", "accepted") == [submission_id]
    assert f"{submission_id}: accepted" in await run("status", submission_id)

    await conclude_without_a_description(newsroom, tmp_path, submission_id)
    assert await listed("desk", "list") == [submission_id]
    assert await listed("desk", "list", "--category", "sport") == []

    decided = await run("desk", "decide", submission_id, "1", "--category", "15000000")
    assert decided == f"Item 1 of {submission_id} is filed under: sport.\n"
    (revised,) = newsroom.events.published
    assert revised["type"].endswith(".submission.revised.v1")
    assert await run("desk", "list") == "Nothing waits for the desk.\n"
    assert await listed("status", "--category", SPORT) == [submission_id]
    assert await listed("status", "--category", SPORT, "--state", "accepted") == []
    assert "[sport]" in await run("status", submission_id)
    told = json.loads(await run("status", submission_id, "--json"))
    assert (told["state"]["state"], told["outcome"]["revision"]) == ("done", 1)


async def test_a_replay_that_waits_sees_the_outcome_that_azure_came_to(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    replaying = asyncio.create_task(newsroom.run("replay", str(MAIL), "--wait", "--json"))
    queue = ServiceBusWorkQueue.open(newsroom.bus.settings)
    (message,) = await queue.receive(max_messages=1, max_wait_s=30)
    await queue.close()
    assert not replaying.done()
    await conclude_without_a_description(newsroom, tmp_path, message.message_id)

    taken = json.loads(await replaying)
    assert (taken["id"], taken["state"]) == (message.message_id, "done")
    assert taken["outcome"]["status"] == "escalated"


async def test_lost_blobs_and_rows_are_named_by_the_deep_check(newsroom: Newsroom) -> None:
    taken = json.loads(await newsroom.run("replay", str(MAIL), "--json"))
    assert "as it was taken" in await newsroom.run("doctor", "--deep")

    async with azure_blob_store(newsroom.storage) as blobs:
        name = record_name(taken["id"])
        submission = from_json(await blobs.get(name), Submission, where=name)
        await blobs.delete_prefix(submission.media[0].blob)
        done = await asyncio.to_thread(command, newsroom.environment, "doctor", "--deep")
        assert done.returncode == 1
        assert f"{taken['id']}: Item 1 is lost (blob {submission.media[0].blob})" in done.stdout

        await blobs.delete_prefix(f"submissions/{taken['id']}/")
    done = await asyncio.to_thread(command, newsroom.environment, "doctor", "--deep")
    assert done.returncode == 1
    assert f"{taken['id']}: Its record is lost" in done.stdout


async def conclude_without_a_description(
    newsroom: Newsroom, tmp_path: Path, submission_id: str
) -> None:
    """What the app on Azure does with a submission that nobody could describe in time."""
    async with core_on_azure(newsroom.storage, tmp_path / "core") as core:
        name = record_name(submission_id)
        record = await core.activities.blobs.get(name)
        submission = from_json(record, Submission, where=name)
        late = tuple(
            steps.MediaResult(number=item.number, status=MediaStatus.ESCALATED, reason="Late.")
            for item in submission.media
        )
        await core.activities.classify(
            to_payload(steps.Classify(submission_id=submission_id, results=late))
        )
        unsent = steps.ReplyResult(state="none", reason="A replay.")
        await core.activities.complete(
            to_payload(steps.Complete(submission_id=submission_id, reply=unsent))
        )


@asynccontextmanager
async def core_on_azure(storage: StorageSettings, folder: Path) -> AsyncGenerator[Core]:
    """The core, with blobs and index on Azure."""
    async with azure_blob_store(storage) as blobs, azure_tables(storage) as tables:
        with open_core(folder) as core:
            index = TableSubmissionIndex(tables, core.clock)
            yield replace(core, activities=replace(core.activities, blobs=blobs, index=index))


@pytest.mark.parametrize(
    ("settings", "words", "sentence"),
    [
        (
            {"MAIL_INGEST_BLOB_URL": NOWHERE},
            "status",
            "MAIL_INGEST_TABLE_URL: it is not set. Set it to the endpoint of the storage account.",
        ),
        (
            {"MAIL_INGEST_TABLE_URL": NOWHERE},
            f"replay {MAIL}",
            "MAIL_INGEST_BLOB_URL: it is not set. Set it to the endpoint of the storage account.",
        ),
        (
            {"MAIL_INGEST_STORAGE_CONNECTION_STRING": "AccountKey"},
            "desk list",
            "MAIL_INGEST_STORAGE_CONNECTION_STRING: it is no connection string. Copy it whole, or"
            " set the URLs of the account instead.",
        ),
        (
            {"MAIL_INGEST_BLOB_URL": NOWHERE},
            "desk decide mail-one 1 --category sport",
            "MAIL_INGEST_EVENT_GRID_URL: it is not set.",
        ),
        (
            {"MAIL_INGEST_BLOB_URL": NOWHERE, "MAIL_INGEST_TABLE_URL": NOWHERE},
            f"replay {MAIL}",
            "ServiceBusConnection__fullyQualifiedNamespace: it is not set. Set it to the host name"
            " of the Service Bus namespace.",
        ),
        (
            {"MAIL_INGEST_TABLE_URL": NOWHERE, "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"},
            "status --category sport",
            "The service Azure Table Storage is not available: no token for it is to be had (on a"
            " machine of your own, `az login` gets one).",
        ),
    ],
    ids=["no-tables", "no-blobs", "misspelt", "no-topic", "no-queue", "nobody-signed-in"],
)
def test_what_is_missing_is_said_in_one_sentence(
    settings: dict[str, str], words: str, sentence: str
) -> None:
    done = command(settings, *words.split())

    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"mail-ingest: {sentence}\n")


@pytest.mark.parametrize("words", ["status", "desk list", "status mail-one"])
def test_a_key_that_is_not_taken_is_said_in_one_sentence(azurite: Azurite, words: str) -> None:
    environment = storage_environment(azurite.settings())
    name = "MAIL_INGEST_STORAGE_CONNECTION_STRING"
    environment[name] = environment[name].replace("AccountKey=", "AccountKey=AAAA")

    done = command(environment, *words.split())

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("mail-ingest: Azure refuses what was asked (403")
    assert done.stderr.endswith(
        "Sign in (`az login`) as somebody who has the roles that docs/azure.md names.\n"
    )


@pytest.mark.parametrize("words", ["status", "status mail-one", "desk list"])
def test_a_service_that_does_not_answer_is_named(azurite: Azurite, words: str) -> None:
    settings = azurite.settings(Table=free_port())

    done = command(storage_environment(settings), *words.split())

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "mail-ingest: The service Azure Table Storage is not available: no answer of it came"
        " through.\n"
    )
