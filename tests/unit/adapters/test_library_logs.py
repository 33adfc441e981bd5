"""What libraries say, seen by a handler that is not ours: the Functions host has one of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
SETTINGS = {"MAIL_INGEST_EVENT_GRID_URL": "https://events.example/api/events"}
HOST = """
import logging, sys

logging.basicConfig(
    stream=sys.stdout, level=logging.{level}, format="%(name)s %(levelname)s %(message)s"
)
import function_app

logging.getLogger("httpx").info("POST https://receiver.example/hook?token=hunter2")
for name in ("azure.servicebus", "opentelemetry.sdk", "host"):
    logging.getLogger(name).info("called")
    try:
        raise ConnectionError("no route")
    except ConnectionError:
        logging.getLogger(name).exception("It broke", extra={{"error": "one of its own"}})
print(logging.makeLogRecord({{"name": "azure", "msg": "from afar"}}).getMessage())
"""


def said(level: str) -> str:
    """What the Functions app's process logs through the host's handler."""
    program = [sys.executable, "-W", "ignore", "-c", HOST.format(level=level)]
    done = subprocess.run(  # noqa: S603
        program, cwd=PROJECT, env=SETTINGS, capture_output=True, check=True, text=True
    )
    return done.stdout


def test_an_sdk_gives_the_functions_host_one_short_warning_and_we_give_all() -> None:
    lines = said("INFO")
    assert lines.startswith("azure.servicebus WARNING It broke (ConnectionError)\n")
    assert "opentelemetry.sdk WARNING It broke (ConnectionError)\n" in lines
    assert "host INFO called\nhost ERROR It broke\nTraceback" in lines
    assert lines.count("Traceback") == 1
    assert lines.endswith("from afar\n")


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_no_url_of_a_call_reaches_the_log(level: str) -> None:
    assert "hunter2" not in said(level)


def test_whoever_looks_for_a_mistake_is_told_all_that_an_sdk_says() -> None:
    assert said("DEBUG").count("Traceback") == 3
