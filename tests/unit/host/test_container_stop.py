"""A container that Kubernetes ends: SIGTERM, and what happens until the process is gone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.black_hole import black_hole, everything_at
from tests.support.scheduler import SchedulerProcess
from tests.support.server_process import free_port

ROOT = Path(__file__).parents[3]
NOTICE_S, DRAIN_S, CLOSING_S = 0.5, 3.0, 4.5
SLOW_MACHINE_S = 60.0  # without an end of its own it would hang for ever


@contextmanager
def a_hub(folder: Path) -> Generator[str]:
    """A task hub; its URL."""
    hub = SchedulerProcess(folder)
    hub.start()
    try:
        yield hub.endpoint
    finally:
        hub.kill()


@contextmanager
def a_worker(
    folder: Path, hub: str, *, port: int, seconds: str
) -> Generator[subprocess.Popen[str]]:
    """The program, at work on a description that takes so long."""
    program = (sys.executable, "-m", "tests.support.container_program")
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(  # noqa: S603
            (*program, str(folder), hub, str(port), seconds),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            yield process
        finally:
            process.kill()
            process.communicate()


def test_what_was_begun_is_finished_and_nothing_more_is_asked_for(tmp_path: Path) -> None:
    port = free_port()
    with a_hub(tmp_path) as hub, a_worker(tmp_path, hub, port=port, seconds="2") as process:
        assert httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).is_success
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False)
        assert answer.status_code == 503
        assert _last_words(process, tmp_path) == ["ended", "closed"]


def test_what_takes_too_long_is_left_to_another_container(tmp_path: Path) -> None:
    with a_hub(tmp_path) as hub:
        with a_worker(tmp_path, hub, port=free_port(), seconds="600") as process:
            process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            assert _last_words(process, tmp_path) == ["closed"]
            assert time.monotonic() - begun < 100
        with a_worker(tmp_path, hub, port=free_port(), seconds="0") as process:
            process.send_signal(signal.SIGTERM)
            assert _last_words(process, tmp_path) == ["ended", "closed"]


def _last_words(process: subprocess.Popen[str], folder: Path) -> list[str]:
    """What it still says until it ends, in good order."""
    assert process.stdout is not None
    printed = process.stdout.read()  # `communicate` would miss what was read with the first word
    assert process.wait(timeout=30) == 0, (folder / "log").read_text()
    return printed.split()


@contextmanager
def a_container(
    program: str, services: int, log: Path, *, until: str = ""
) -> Generator[subprocess.Popen[bytes]]:
    """A program whose services are all at one port; up to where it has logged something."""
    environment = {
        "PATH": os.environ["PATH"],
        **everything_at(services),
        "MAIL_INGEST_HTTP_PORT": "0",
        "MAIL_INGEST_DRAIN_NOTICE_S": str(NOTICE_S),
        "MAIL_INGEST_DRAIN_S": str(DRAIN_S),
    }
    with log.open("w") as file:
        command = [sys.executable, "-m", "host.containers", program]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=file)  # noqa: S603
    try:
        _wait_until(lambda: _hears_sigterm(process) and until in log.read_text())
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_until(looks_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not looks_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _hears_sigterm(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has a handler for it: until then it is no program of ours yet."""
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", status, re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_signals_are_heard_before_anything_large_is_imported(tmp_path: Path) -> None:
    with a_container("worker", free_port(), tmp_path / "log") as process:
        assert "cygrpc" not in Path(f"/proc/{process.pid}/maps").read_text("utf-8")


@pytest.mark.parametrize("program", ["intake", "worker"])
@pytest.mark.parametrize("after_s", [0.0, 0.4, 1.2])
def test_a_signal_during_the_start_ends_it_as_well(
    tmp_path: Path, program: str, after_s: float
) -> None:
    log = tmp_path / "log"
    with a_container(program, free_port(), log) as process:
        time.sleep(after_s)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()


@pytest.mark.parametrize("program", ["intake", "worker"])
def test_signals_that_come_again_and_again_change_nothing(tmp_path: Path, program: str) -> None:
    log = tmp_path / "log"
    with a_container(program, free_port(), log, until="server_started") as process:
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.005)
        assert process.returncode == 0, log.read_text()


def test_without_its_services_a_container_ends_in_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with a_container("worker", free_port(), log, until="Connection failed") as process:
        took_s = _seconds_to_end(process)
        assert process.returncode == 0, log.read_text()
        assert took_s < NOTICE_S + DRAIN_S + SLOW_MACHINE_S


@pytest.mark.parametrize("program", ["intake", "worker"])
def test_services_that_hang_hold_no_container_beyond_its_time(tmp_path: Path, program: str) -> None:
    log = tmp_path / "log"
    with black_hole() as port, a_container(program, port, log, until="server_started") as process:
        time.sleep(2)  # for every part to get stuck
        took_s = _seconds_to_end(process)
        assert process.returncode == 0 or "It did not stop in good order" in log.read_text()
        assert took_s < NOTICE_S + DRAIN_S + CLOSING_S + SLOW_MACHINE_S


def _seconds_to_end(process: subprocess.Popen[bytes]) -> float:
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return time.monotonic() - begun
