"""A photo whose decoder runs its code, sent to the whole system: what that code reaches."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from describer.child import DescriberProcess
from describer.rules import WORKER, JobRules
from tests.support.forks import fork
from tests.support.local_http import local_http
from tests.support.planted_decoder import COMMAND, MARK
from tests.support.server_process import ServerProcess, run_command
from tests.support.waiting import is_running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROJECT = Path(__file__).parents[2]
PHOTO = Path(__file__).parents[1] / "fixtures" / "media" / "cat.jpg"

# What is tried -> one of these mechanisms must hold for it to be refused.
REFUSED_BY = {
    "environ": ("dumpable", "landlock"),
    "memory": ("dumpable", "landlock"),
    "ptrace": ("dumpable", "landlock", "seccomp"),
    "root": ("dumpable", "landlock"),
    "submissions": ("landlock",),
    "maildir": ("landlock",),
    "databases": ("landlock",),
    "listing": ("landlock",),
    "home": ("landlock",),
    "write": ("landlock", "seccomp"),
    "temporary": ("landlock", "seccomp"),
    "delete": ("landlock", "seccomp"),
    "truncate": ("landlock", "seccomp"),
    "chmod": ("seccomp",),
    "connect": ("landlock", "seccomp"),
    "datagram": ("seccomp",),
    "signal": ("landlock", "seccomp"),
    "io_uring": ("seccomp",),
    "fork": ("seccomp",),
    "exec": ("seccomp",),
    "secrets": (),
    "descriptors": (),
}

# The program of the image, whose describer has the planted decoder.
CONTAINER = """
import os
from describer.confinement.kernel import deny_inspection, drop_capabilities
from describer.container import run_container
from tests.support.planted_decoder import COMMAND
drop_capabilities()
deny_inspection()
raise SystemExit(run_container(os.environ, COMMAND))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines")


def serve_planted(
    words: Sequence[str], environment: Mapping[str, str], stdout: Path, stderr: Path
) -> None:
    """`mail-ingest serve`, whose describers have the planted decoder; as root it has no more rights
    over its children than anybody else has over theirs.
    """
    import host.describers
    from describer.confinement.kernel import drop_capabilities

    drop_capabilities()
    host.describers.JobRules = partial(JobRules, command=COMMAND)  # pyright: ignore[reportAttributeAccessIssue]
    run_command(words, environment, stdout, stderr)


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """A service inside, which nobody outside reaches."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.fixture(scope="module")
def reached(
    tmp_path_factory: pytest.TempPathFactory, listener: socket.socket
) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("planted")
    secrets = {"MAIL_INGEST_SMTP_PASSWORD": "s3cret", "MAIL_INGEST_DESCRIBER_WORKERS": "1"}
    server = ServerProcess(folder, secrets)
    log = folder / "server.log"
    server.process = fork(serve_planted, ("serve",), server.environment(), log, log)
    try:
        server.wait_until_ready()
        where = {"data": str(folder / "data"), "port": listener.getsockname()[1]}
        photo = PHOTO.read_bytes() + b"\n" + json.dumps(where).encode()
        files = {"photo": ("cat.jpg", photo, "image/jpeg")}
        local_http.post(f"{server.url}/v1/submissions", files=files).raise_for_status()
        yield in_log(log)
    finally:
        server.kill()


def test_in_a_container_it_reaches_as_little(tmp_path: Path, holds: set[str]) -> None:
    data = tmp_path / "data"
    (data / "blobs").mkdir(parents=True)
    (data / "blobs" / "another.jpg").write_bytes(b"of another sender")
    (data / "version").write_text("1")
    where = {"data": str(data), "port": 9}
    (tmp_path / "cat.jpg").write_bytes(PHOTO.read_bytes() + b"\n" + json.dumps(where).encode())
    names = ("media", "result", "thumbnail", "report")
    urls = {f"{name}_url": (tmp_path / name).as_uri() for name in names}
    urls["media_url"] = (tmp_path / "cat.jpg").as_uri()
    item = {"job_id": "mail-a:1", "kind": "photo", "media_type": "image/jpeg", "within_s": 60}
    item |= {"file_name": "cat.jpg", "description_blob": "descriptions/x/y-1.json", **urls}
    (tmp_path / "jobs.json").write_text(json.dumps([item]))
    jobs = {"JOBS_URL": (tmp_path / "jobs.json").as_uri(), "EVENT_KEY": "s3cret"}
    with (tmp_path / "log").open("wb") as log:
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", CONTAINER],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), **jobs},
            stderr=log,
            check=True,
            timeout=100,
        )
    found = in_log(tmp_path / "log")
    refused = {what for what, by in REFUSED_BY.items() if not by or holds & set(by)}
    assert not refused & set(found), found
    assert json.loads((tmp_path / "report").read_text())["status"] == "unreadable"


def in_log(log: Path) -> dict[str, str]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for line in log.read_text("utf-8").splitlines():
            if MARK in line:
                return json.loads(line.partition(MARK)[2])
        time.sleep(0.1)
    raise AssertionError(log.read_text("utf-8")[-3000:])


@pytest.fixture(scope="module")
def holds() -> set[str]:
    """The mechanisms of this machine."""

    async def ask() -> DescriberProcess:
        process = await DescriberProcess.start(WORKER, os.environ, JobRules().ready_within)
        await process.stop()
        return process

    return {mechanism.name for mechanism in asyncio.run(ask()).confinement if mechanism.holds}


@pytest.mark.parametrize("what", REFUSED_BY)
def test_planted_code_does_not_reach(what: str, reached: dict[str, str], holds: set[str]) -> None:
    if (by := REFUSED_BY[what]) and not holds & set(by):
        pytest.skip(f"this kernel lacks {' and '.join(by)}")
    if what in reached and what == "fork":
        os.kill(int(reached["fork"]), 9)
    assert what not in reached


def test_nothing_inside_was_connected_to(
    reached: dict[str, str], holds: set[str], listener: socket.socket
) -> None:
    if not holds & {"landlock", "seccomp"}:
        pytest.skip("this kernel lacks landlock and seccomp")
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert "connect" not in reached


def test_nothing_that_it_forked_outlives_it(reached: dict[str, str]) -> None:
    assert not is_running(int(reached.get("fork", 2**22 + 1)))
