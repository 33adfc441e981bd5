"""The Functions app is killed at every step of a submission, and nothing is lost or done twice."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.fakes.functions_host.worker import CrashPoint
from tests.support.functions_process import FunctionsProcess, is_done, post_form, until
from tests.support.webhooks import Webhooks, receiving_webhooks

if TYPE_CHECKING:
    from pathlib import Path

MOST_STEPS = 40
LEAST_STEPS = 15  # door, queue, six turns, three of the child, four activities, event


@pytest.mark.timeout(300)  # a minute on an idle machine
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_step_loses_nothing(tmp_path: Path, after: bool) -> None:
    for number in range(1, MOST_STEPS):
        folder = tmp_path / str(number)
        folder.mkdir()
        with receiving_webhooks() as webhooks:
            if not _crash_and_go_on(folder, webhooks, CrashPoint(number=number, after=after)):
                assert number > LEAST_STEPS
                return
    raise AssertionError("it has no end")


def _crash_and_go_on(folder: Path, webhooks: Webhooks, crash: CrashPoint) -> bool:
    """One submission with a crash on its way; False when its end came before the crash."""
    app = FunctionsProcess(folder)
    app.start(crash)
    try:
        app.wait_until_ready()
        with contextlib.suppress(httpx.TransportError):
            post_form(app, webhooks.url)
        until(lambda: app.has_died or (webhooks.calls and _is_quiet(app)))
        if not app.has_died:
            return False
        app.start()
        app.wait_until_ready()
        status_url = post_form(app, webhooks.url)  # as every client does that heard nothing
        until(lambda: is_done(status_url))
    finally:
        app.kill()
    assert len({(call.headers["webhook-id"], call.body) for call in webhooks.calls}) == 1, crash
    return True


def _is_quiet(app: FunctionsProcess) -> bool:
    before = app.runs()
    time.sleep(0.3)
    return before == app.runs() >= 0
