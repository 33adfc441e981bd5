"""The container's program as a process: what its describer sees, and how it is stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from describer.assignment import Item
from describer.protocol import Report
from shared.codec import from_json, to_json
from shared.model import Kind
from tests.support.container_describer import COMMAND
from tests.support.waiting import is_running, until

PROJECT = Path(__file__).parents[3]


def assignment(folder: Path, *names: str) -> dict[str, str]:
    """The environment of a container whose items are files of these names."""
    items: list[Item] = []
    for number, name in enumerate(names, start=1):
        (folder / name).write_bytes(b"x")
        items.append(
            Item(
                job_id=f"mail-a:{number}",
                kind=Kind.PHOTO,
                media_type="image/jpeg",
                file_name=name,
                media_url=(folder / name).as_uri(),
                result_url=(folder / f"{number}.result").as_uri(),
                thumbnail_url=(folder / f"{number}.jpg").as_uri(),
                report_url=(folder / f"{number}.report").as_uri(),
                description_blob="descriptions/x/fake-1.json",
                within_s=60,
            )
        )
    (folder / "jobs.json").write_bytes(to_json(items))
    return {
        "JOBS_URL": (folder / "jobs.json").as_uri(),
        "EVENT_KEY": "s3cret",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
    }


def report(folder: Path, number: int) -> Report:
    return from_json((folder / f"{number}.report").read_bytes(), Report, where="a report")


async def run(environment: dict[str, str], *command: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(*command, env=environment, cwd=PROJECT)


async def test_every_item_gets_its_report_whatever_the_others_are_like(tmp_path: Path) -> None:
    environment = assignment(tmp_path, "a.jpg", "crash-always.jpg", "unreadable.jpg", "b.jpg")
    process = await run(environment, *COMMAND)
    assert await process.wait() == 0
    statuses = [report(tmp_path, number).status.value for number in (1, 2, 3, 4)]
    assert statuses == ["described", "unreadable", "unreadable", "described"]


async def test_sigterm_ends_the_program_and_its_describer(tmp_path: Path) -> None:
    process = await run(assignment(tmp_path, "hang.jpg"), *COMMAND)
    runs = tmp_path / "runs.txt"
    await until(lambda: runs.exists() and runs.read_text().endswith("\n"))
    describer = int(runs.read_text().split()[0])
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 1
    await until(lambda: not is_running(describer))


async def test_the_process_that_opens_the_files_sees_no_secret_of_the_job(tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    spy = f"import json, os; open({str(seen)!r}, 'w').write(json.dumps(dict(os.environ)))"
    program = (
        "import os, sys\n"
        "from describer.container import run_container\n"
        f"sys.exit(run_container(os.environ, (sys.executable, '-c', {spy!r})))\n"
    )
    environment = assignment(tmp_path, "a.jpg") | {"IDENTITY_HEADER": "s3cret"}
    process = await run(environment, sys.executable, "-c", program)
    assert await process.wait() == 1
    names = json.loads(await asyncio.to_thread(seen.read_text))
    assert "PYTHONPATH" in names
    assert not {"JOBS_URL", "EVENT_KEY", "IDENTITY_HEADER"} & set(names)
    assert report(tmp_path, 1).status.value == "unavailable"


async def test_without_jobs_it_says_what_is_missing() -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "describer"),
        env=environment,
        cwd=PROJECT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"JOBS_URL: is missing." in said
