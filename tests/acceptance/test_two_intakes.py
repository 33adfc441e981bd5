"""Two processes take the same submission in at once: whatever becomes of one, the other's is whole.

A Functions app and a container both run in as many processes as there is work, so the same mail or
Idempotency-Key may come to two of them: from a Logic App and the poll, from a client that tries
again, from Graph that tells twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from shared.codec import from_json
from shared.ids import blob_prefix
from shared.intake import record_name
from shared.model import Submission
from tests.support.azure_services import azure_blob_store
from tests.support.intake_process import ORIGIN

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.settings.azure import StorageSettings
    from tests.support.azurite import Azurite

LIVES_S = 3.0
SLOW_MACHINE_S = 20.0


@dataclass(frozen=True, slots=True)
class Taker:
    """A process that takes the mail in."""

    process: Process

    async def tell(self, word: str) -> None:
        """Tell it what comes next, without waiting for what it does."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        await self.process.stdin.drain()

    async def says(self, within_s: float = SLOW_MACHINE_S) -> str:
        """Its next word."""
        assert self.process.stdout is not None
        async with asyncio.timeout(within_s):
            return (await self.process.stdout.readline()).decode().strip()


@pytest.fixture
def storage(azurite: Azurite) -> StorageSettings:
    return azurite.settings()


@asynccontextmanager
async def taker(storage: StorageSettings, words: str) -> AsyncGenerator[Taker]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.intake_process", storage.connection_string),
        *(storage.container, storage.table_prefix, str(LIVES_S), words),
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        yield Taker(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def begun(storage: StorageSettings, words: str) -> AsyncGenerator[Taker]:
    """One whose turn it is, and whose first photo is stored."""
    async with taker(storage, words) as one:
        assert await one.says() == "begun"
        await one.tell("photo")
        assert await one.says() == "photo"
        yield one


async def assert_whole(storage: StorageSettings, words: str) -> None:
    """The record is that of these words, each blob of it is as it says, and there are no others."""
    async with azure_blob_store(storage) as blobs:
        name = record_name(ORIGIN.submission_id)
        submission = from_json(await blobs.get(name), Submission, where=name)
        assert submission.text.strip() == words
        assert submission.original is not None
        told = {item.blob: item.sha256 for item in submission.media}
        told[submission.original.blob] = submission.original.sha256
        assert len(told) == 3
        for blob, sha256 in told.items():
            assert hashlib.sha256(await blobs.get(blob)).hexdigest() == sha256
        prefix = blob_prefix(ORIGIN.submission_id)
        assert {each async for each in blobs.list(prefix)} == {name, *told}


async def test_one_that_fails_takes_nothing_from_the_other(storage: StorageSettings) -> None:
    async with begun(storage, "one") as one, taker(storage, "two") as two:
        await two.tell("photo")
        await asyncio.sleep(2)  # time enough for the other to do harm, if it could
        await one.tell("fail")
        assert await one.says() == "failed"
        await two.tell("end")
        assert [await two.says() for _ in range(3)] == ["begun", "photo", "accepted"]
    await assert_whole(storage, "two")


async def test_the_second_waits_and_is_told_of_the_first(storage: StorageSettings) -> None:
    async with begun(storage, "one") as one, taker(storage, "two") as two:
        await two.tell("photo")
        await two.tell("end")
        await asyncio.sleep(2 * LIVES_S)  # the first is alive, so its turn does not run out
        await one.tell("end")
        assert await one.says() == "accepted"
        assert [await two.says() for _ in range(3)] == ["begun", "photo", "known"]
    await assert_whole(storage, "one")


async def test_one_that_dies_is_waited_for_no_longer_than_its_turn_lives(
    storage: StorageSettings,
) -> None:
    async with begun(storage, "one") as one, taker(storage, "two") as two:
        one.process.kill()
        await two.tell("photo")
        await two.tell("end")
        assert await two.says(LIVES_S + SLOW_MACHINE_S) == "begun"
        assert [await two.says() for _ in range(2)] == ["photo", "accepted"]
    await assert_whole(storage, "two")


@pytest.mark.parametrize(("word", "said"), [("fail", "failed"), ("end", "known")])
async def test_one_that_slept_through_its_turn_harms_nobody_when_it_wakes_up(
    storage: StorageSettings, word: str, said: str
) -> None:
    async with begun(storage, "one") as one, taker(storage, "two") as two:
        one.process.send_signal(signal.SIGSTOP)
        await two.tell("photo")
        assert await two.says(LIVES_S + SLOW_MACHINE_S) == "begun"
        assert await two.says() == "photo"
        if word == "fail":  # in the middle of the other's
            await wake_and_tell(one, word, said)
        await two.tell("end")
        assert await two.says() == "accepted"
        if word == "end":  # when the other has its record
            await wake_and_tell(one, word, said)
    await assert_whole(storage, "two")


async def wake_and_tell(one: Taker, word: str, said: str) -> None:
    one.process.send_signal(signal.SIGCONT)
    await one.tell(word)
    assert await one.says() == said
