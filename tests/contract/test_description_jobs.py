"""What every DescriptionJobs must keep: a job that was taken ends in one event, whatever happens.

Each adapter runs a describer of the tests' own, which crashes, hangs or has no service as the
file's name says (tests/support/fake_describer.py). Containers run on a fake of Resource Manager.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import sys
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.local.jobs import rows
from describer.rules import JobRules
from shared.codec import from_json
from shared.description import Description
from shared.errors import ServiceUnavailableError
from shared.intake import thumbnail_name
from shared.model import Kind
from tests.support.job_desk import (
    PROJECT,
    RULES,
    OpenDesk,
    container_desk,
    inline_desk,
    local_desk,
)
from tests.support.waiting import is_running, until

if TYPE_CHECKING:
    import sqlite3

    from tests.support.job_desk import Desk, RunningJobs

PROCESSES: dict[str, OpenDesk] = {"local": local_desk, "inline": inline_desk}
CONTAINERS: dict[str, OpenDesk] = {
    kind: partial(container_desk, kind) for kind in ("instances", "apps")
}
every_kind = pytest.mark.parametrize(
    "open_desk", [*PROCESSES.values(), *CONTAINERS.values()], ids=[*PROCESSES, *CONTAINERS]
)
beside_us = pytest.mark.parametrize("open_desk", PROCESSES.values(), ids=PROCESSES)


@every_kind
async def test_a_job_ends_in_an_event_that_names_its_description(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    async with open_desk(tmp_path) as desk:
        ended = await desk.result(await desk.start("photo.jpg", b"content"))

        assert ended.status == "described"
        sha256 = hashlib.sha256(b"content").hexdigest()
        assert ended.description_blob == f"descriptions/{sha256}/fake-1.json"
        stored = await desk.services.blobs.get(ended.description_blob)
        assert from_json(stored, Description, where="here").provider == "fake"
        assert await desk.services.blobs.get(thumbnail_name(sha256)) == b"a thumbnail"


@beside_us
async def test_one_process_serves_many_jobs(open_desk: OpenDesk, tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job_ids = [await desk.start(f"{n}.jpg", str(n).encode()) for n in range(5)]
        for job_id in job_ids:
            await desk.result(job_id)

        assert desk.runs() == job_ids
        assert len(desk.processes()) == 1
        await no_open_job(desk)


@every_kind
async def test_a_job_that_is_started_twice_runs_once(open_desk: OpenDesk, tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.start("slow.jpg")
        job_id = await desk.start("slow.jpg")
        await desk.result(job_id)
        await no_open_job(desk)

        assert desk.runs() == [job_id]


@every_kind
async def test_the_same_content_is_described_once(open_desk: OpenDesk, tmp_path: Path) -> None:
    async with open_desk(tmp_path, replace(RULES, workers=3)) as desk:
        job_ids = [await desk.start(f"slow-{n}.jpg", b"the same") for n in range(3)]
        ended = [await desk.result(job_id) for job_id in job_ids]

        assert len({one.description_blob for one in ended}) == 1
        assert len(desk.runs()) == 1


@every_kind
async def test_what_cannot_be_read_is_unreadable_with_the_reason(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    async with open_desk(tmp_path) as desk:
        ended = await desk.result(await desk.start("unreadable.jpg"))

        assert (ended.status, ended.reason) == ("unreadable", "It is cut off in the middle.")
        assert ended.description_blob == ""


@every_kind
async def test_a_job_that_is_started_anew_after_its_end_ends_in_another_event(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    async with open_desk(tmp_path) as desk:
        job_id = await desk.start("unreadable.jpg")
        first = await desk.result(job_id)
        await no_open_job(desk)
        desk.ended.clear()

        assert await desk.result(await desk.start("unreadable.jpg")) == first
        assert desk.runs() == [job_id] * 2


@every_kind
async def test_a_crash_is_tried_once_more(open_desk: OpenDesk, tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        ended = await desk.result(await desk.start("crash-once.jpg"))

        assert ended.status == "described"
        assert len(desk.runs()) == 2
        assert len(desk.processes()) == 2


@every_kind
async def test_a_file_that_crashes_two_processes_is_unreadable(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    async with open_desk(tmp_path) as desk:
        crashing, good = await desk.start("crash-always.jpg"), await desk.start("good.jpg", b"y")

        ended = await desk.result(crashing)
        assert ended.status == "unreadable"
        assert ended.reason == "The describer crashed on it, twice."
        assert (await desk.result(good)).status == "described"


@beside_us
async def test_no_file_is_blamed_when_every_process_dies(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    async with open_desk(tmp_path) as desk:
        names = [f"crash-always-{number}.jpg" for number in range(4)]
        jobs = [await desk.start(name, name.encode()) for name in names]
        await until(lambda: desk.runs().count(jobs[-1]) == 2)
        blamed = [await desk.result(job_id) for job_id in jobs[:3]]

        assert {ended.status for ended in blamed} == {"unreadable"}
        assert await desk.jobs.open_jobs() == 1


@every_kind
async def test_a_file_that_takes_too_long_ends_its_process_and_is_not_tried_again(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    async with open_desk(tmp_path) as desk:
        hanging, good = await desk.start("hang.jpg"), await desk.start("good.jpg", b"y")

        ended = await desk.result(hanging)
        assert ended.status == "unreadable"
        assert ended.reason == "It took longer than 1 seconds."
        assert (await desk.result(good)).status == "described"
        await no_open_job(desk)
        assert desk.runs().count(hanging) == 1
        assert not is_running(desk.processes()[0])


@every_kind
async def test_a_file_that_costs_too_much_computing_is_not_tried_again(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    patient = replace(RULES, photo_time=timedelta(seconds=60))
    async with open_desk(tmp_path, patient) as desk:
        spinning, good = await desk.start("spin.jpg"), await desk.start("good.jpg", b"y")

        ended = await desk.result(spinning)
        assert ended.status == "unreadable"
        assert ended.reason == "It needs more computing than one file is given."
        assert (await desk.result(good)).status == "described"
        assert desk.runs().count(spinning) == 1


@beside_us
async def test_files_that_take_too_long_do_not_excuse_one_that_crashes(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    rules = replace(RULES, photo_time=timedelta(seconds=30), video_time=timedelta(seconds=0.1))
    async with open_desk(tmp_path, rules) as desk:
        for number in range(7):
            name = f"hang-{number}.mp4"
            await desk.result(await desk.start(name, name.encode(), Kind.VIDEO))
        crashing = await desk.result(await desk.start("crash-always.jpg"))

        assert crashing.reason == "The describer crashed on it, twice."


@every_kind
async def test_a_service_that_is_down_is_waited_for(open_desk: OpenDesk, tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job_id = await desk.start("unavailable.jpg", b"xx")

        ended = await desk.result(job_id)

        assert ended.status == "described"
        assert desk.runs() == [job_id] * 3


@every_kind
async def test_a_service_that_never_comes_back_is_given_up_after_the_horizon(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    async with open_desk(tmp_path, replace(RULES, horizon=timedelta(seconds=0))) as desk:
        ended = await desk.result(await desk.start("unavailable.jpg", b"x" * 1000))

        assert ended.status == "unreadable"
        assert ended.reason == "No description came for 0 hours."


async def test_photos_go_before_videos_and_what_nobody_waits_for_comes_last(
    tmp_path: Path,
) -> None:
    async with local_desk(tmp_path, runs=False) as desk:
        late = await desk.start("late.jpg", b"1")
        film = await desk.start("film.mp4", b"2", Kind.VIDEO)
        photo = await desk.start("photo.jpg", b"3")
        await desk.jobs.cancel(late)
    async with local_desk(tmp_path) as desk:
        for job_id in (late, film, photo):
            await desk.result(job_id)

        assert desk.runs() == [photo, film, late]


async def test_a_photo_does_not_wait_for_a_film_to_end(tmp_path: Path) -> None:
    async with local_desk(tmp_path, replace(RULES, workers=2)) as desk:
        films = [await desk.start(f"hang-{n}.mp4", str(n).encode(), Kind.VIDEO) for n in range(3)]
        async with asyncio.timeout(60):
            while not desk.runs():
                await asyncio.sleep(0.02)

        ended = await desk.result(await desk.start("photo.jpg", b"photo"))

        assert ended.status == "described"
        assert len(set(desk.runs()) & set(films)) == 1


async def test_a_job_that_was_taken_before_a_restart_is_run_after_it(tmp_path: Path) -> None:
    async with local_desk(tmp_path) as desk:
        job_id = await desk.start("hang-then-good.jpg")
        async with asyncio.timeout(60):
            while not desk.runs():
                await asyncio.sleep(0.02)
        (process,) = desk.processes()
    assert not is_running(process)

    async with local_desk(tmp_path, replace(RULES, photo_time=timedelta(seconds=0.3))) as desk:
        assert (await desk.result(job_id)).status == "unreadable"


async def test_a_job_that_breaks_off_after_its_event_is_heard_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close, breaks = rows.close, ["between the event and the end"]

    def break_off(connection: sqlite3.Connection, job_id: str) -> None:
        if breaks:
            raise ServiceUnavailableError("state database", breaks.pop())
        close(connection, job_id)

    monkeypatch.setattr(rows, "close", break_off)
    async with local_desk(tmp_path) as desk:
        job_id = await desk.start("unreadable.jpg")
        await desk.result(job_id)
        await no_open_job(desk)

        assert desk.runs() == [job_id] * 2
        count = "SELECT COUNT(*) FROM events"
        assert await desk.services.database.read(lambda it: it.execute(count).fetchone()) == (1,)


async def test_a_full_disk_puts_a_job_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, full = os.write, True

    def no_space(file: int, data: bytes) -> int:
        if full and b"media-description" in bytes(data):
            raise OSError(28, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(os, "write", no_space)
    async with local_desk(tmp_path) as desk:
        job_id = await desk.start("photo.jpg")
        await until(lambda: bool(desk.runs()))
        await asyncio.sleep(0.1)
        assert await desk.jobs.open_jobs() == 1

        full = False
        assert (await desk.result(job_id)).status == "described"


@pytest.mark.parametrize("code", ["raise SystemExit(2)", "print('usage: describer')"])
async def test_jobs_wait_while_no_describer_can_be_started(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    broken = replace(RULES, command=(sys.executable, "-c", code))
    async with local_desk(tmp_path, broken) as desk:
        with caplog.at_level(logging.CRITICAL, "adapters.local.jobs.worker"):
            job_id = await desk.start("photo.jpg")
            await until(lambda: bool(desk.jobs.problem))
        assert desk.jobs.problem.startswith("The describer does not start")
        assert await desk.jobs.open_jobs() == 1
    async with local_desk(tmp_path) as desk:
        assert (await desk.result(job_id)).status == "described"
        assert desk.jobs.problem == ""


async def test_the_describer_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from tests.support.job_desk import local_desk, Path\n"
        "async def main():\n"
        "    async with local_desk(Path(sys.argv[1])) as desk:\n"
        "        await desk.start('hang.jpg')\n"
        "        while not desk.processes(): await asyncio.sleep(0.02)\n"
        "        print(*desk.processes(), flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        cwd=PROJECT,
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.communicate()

    await until(lambda: not is_running(child))


async def test_the_describer_of_the_product_describes_a_photo(tmp_path: Path) -> None:
    photo = PROJECT / "tests" / "fixtures" / "media" / "cat.jpg"
    models = list((PROJECT / "describer" / "models").glob("*.onnx"))
    if not photo.exists() or not models:
        pytest.skip("the models of the describer, or the photo, are not here")
    content = await asyncio.to_thread(photo.read_bytes)
    product = JobRules(workers=1, environment={"PYTHONPATH": str(PROJECT)})

    async with local_desk(tmp_path, product) as desk:
        ended = await desk.result(await desk.start("cat.jpg", content))

        assert ended.status == "described", ended.reason
        stored = await desk.services.blobs.get(ended.description_blob)
        description = from_json(stored, Description, where="here")
        assert ended.description_blob.endswith(f"/{description.provider}-1.json")
        assert description.labels
        sha256 = hashlib.sha256(content).hexdigest()
        assert (await desk.services.blobs.get(thumbnail_name(sha256)))[:2] == b"\xff\xd8"


async def no_open_job[J: RunningJobs](desk: Desk[J]) -> None:
    async with asyncio.timeout(60):
        while await desk.jobs.open_jobs():
            await asyncio.sleep(0.02)
