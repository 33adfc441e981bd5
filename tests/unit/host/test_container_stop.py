"""A container that Kubernetes ends: SIGTERM, and what happens until the process is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.containers import in_memory_hub
from tests.support.server_process import free_port

ROOT = Path(__file__).parents[3]


@contextmanager
def a_worker(folder: Path, *, port: int, seconds: str) -> Generator[subprocess.Popen[str]]:
    """The program, at work on a description that takes so long."""
    program = (sys.executable, "-m", "tests.support.container_program")
    with in_memory_hub() as hub, (folder / "log").open("w") as log:
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
    with a_worker(tmp_path, port=port, seconds="2") as process:
        assert httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).is_success
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False)
        assert answer.status_code == 503
        printed, _ = process.communicate(timeout=30)
        assert process.returncode == 0, (tmp_path / "log").read_text()
    assert printed.split() == ["ended", "closed"]


def test_what_takes_too_long_is_left_to_another_container(tmp_path: Path) -> None:
    with a_worker(tmp_path, port=free_port(), seconds="600") as process:
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        printed, _ = process.communicate(timeout=30)
        assert process.returncode == 0, (tmp_path / "log").read_text()
        assert time.monotonic() - begun < 15
    assert printed.split() == ["closed"]
