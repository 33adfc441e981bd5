"""The Functions host as a process of its own, which a test may kill and start again.

The processes are forked from one that has imported everything but the app (forks.py), so that each
starts in a fraction of a second and still is the one process of its one app.
"""

from __future__ import annotations

import contextlib
import importlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.support.forks import fork
from tests.support.local_http import local_http
from tests.support.server_process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from multiprocessing.context import ForkServerProcess

    from tests.fakes.functions_host.worker import CrashPoint

PHOTO = (Path(__file__).parents[1] / "fixtures" / "media" / "cat.jpg").read_bytes()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS = {"MAIL_INGEST_WEBHOOK_ALLOW": "127.0.0.1", "MAIL_INGEST_WEBHOOK_SECRETS": SECRET}

_START_S = 60.0


@dataclass(slots=True)
class FunctionsProcess:
    """One host on one folder and one port, which stay the same from start to start."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=SETTINGS.copy)
    port: int = field(default_factory=free_port)
    prepare: Callable[[], None] | None = None  # is called in the process, before the app is loaded
    program: str = "tests.fakes.functions_host.program"
    process: ForkServerProcess | None = None

    @property
    def url(self) -> str:
        """The base URL of the app."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, crash: CrashPoint | None = None) -> None:
        """Start it; with `crash` it kills itself there."""
        where = (self.folder, self.port, dict(self.settings))
        self.process = fork(_serve, self.program, self.prepare, *where, crash)

    def wait_until_ready(self) -> None:
        """Wait until it serves HTTP."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self.runs() >= 0:
                return
            if self.process is None or not self.process.is_alive():
                raise AssertionError("the Functions host has ended")
            time.sleep(0.02)
        raise AssertionError("the Functions host does not start")

    def fire(self, timer: str) -> None:
        """Fire a timer now."""
        url = f"{self.url}/admin/functions/{timer}"
        local_http.post(url).raise_for_status()

    def runs(self) -> int:
        """How often a function has run; -1 when the host does not answer."""
        with contextlib.suppress(httpx.TransportError):
            return int(local_http.get(f"{self.url}/admin/host/ping", timeout=5).text)
        return -1

    @property
    def has_died(self) -> bool:
        """Whether the process has ended by itself."""
        return self.process is not None and not self.process.is_alive()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.join(30)


def until[T](look: Callable[[], T], *, within_s: float = 30.0) -> T:
    """Wait until a look gives something; that."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("nothing came")


def post_form(app: FunctionsProcess, callback_url: str, key: str = "k1") -> str:
    """Submit the photo; its status URL. Raises httpx.TransportError."""
    response = local_http.post(
        f"{app.url}/v1/submissions",
        files={"photo": ("cat.jpg", PHOTO)},
        data={"callback_url": callback_url, "reference": "42"},
        headers={"idempotency-key": key},
    )
    assert response.status_code == 202, response.text
    return response.json()["status_url"]


def is_done(status_url: str) -> bool:
    """Whether a submission has its outcome and its answer."""
    return local_http.get(status_url).json()["state"] == "done"


def _serve(
    program: str,
    prepare: Callable[[], None] | None,
    folder: Path,
    port: int,
    settings: Mapping[str, str],
    crash: CrashPoint | None,
) -> None:
    if prepare:
        prepare()
    importlib.import_module(program).serve(folder, port, settings, crash)
