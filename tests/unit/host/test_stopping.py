"""Signals, and the end that follows, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
SIGNAL_US = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"


def run(*lines: str) -> subprocess.CompletedProcess[str]:
    """Run a program that has a Stop."""
    program = "\n".join(("from host.stopping import Stop", "stop = Stop()", *lines))
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_what_hangs_is_ended_with_a_sentence() -> None:
    begun = time.monotonic()
    done = run("stop.end_within(0.2)", SIGNAL_US, "import time", "while 1: time.sleep(60)")
    assert done.returncode == 1
    assert done.stderr.startswith("It did not stop in good order within 0.2 s")
    assert time.monotonic() - begun < 55


def test_a_thread_that_outlives_the_program_is_no_way_around_it() -> None:
    forever = "threading.Thread(target=lambda: time.sleep(600)).start()"
    done = run("import threading, time", "stop.end_within(0.2)", SIGNAL_US, forever)
    assert (done.returncode, done.stderr[:18]) == (1, "It did not stop in")


def test_a_signal_counts_that_came_before_the_alarm_was_set() -> None:
    done = run(SIGNAL_US, "stop.end_within(0.2)", "import time", "time.sleep(60)")
    assert done.returncode == 1


def test_without_a_signal_nothing_is_ended() -> None:
    done = run("stop.end_within(0.0)", "import time", "time.sleep(0.3)", "print('ended by itself')")
    assert (done.returncode, done.stdout) == (0, "ended by itself\n")


def test_no_signal_spoils_the_exit_code_once_all_is_done() -> None:
    late = f"import atexit; atexit.register(lambda: exec({SIGNAL_US!r}))"
    assert run(late, "stop.is_over()").returncode == 0
