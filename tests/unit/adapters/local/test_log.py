"""Log lines for machines and for people."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys

import pytest

from adapters.local.log import ConsoleFormatter, JsonFormatter, formatter_for

SDKS = ["azure", "durabletask", "opentelemetry"]
CHATTER = """
import logging, sys
from adapters.local.log import JsonFormatter, log_to

log_to(sys.stdout, JsonFormatter(), logging.{level})
for name in ("httpx", "azure.core.pipeline", "durabletask.worker", "host"):
    logging.getLogger(name).info("said")
"""

COMPLAINTS = """
import logging, sys
from adapters.local.log import JsonFormatter, log_to

log_to(sys.stdout, JsonFormatter(), logging.{level})
for name in ("azure.servicebus._pyamqp.aio", "durabletask.worker", "opentelemetry.sdk", "host"):
    try:
        raise ConnectionError("no route")
    except ConnectionError:
        logging.getLogger(name).exception("It broke: %s", "one\\ntwo " + 300 * "x")
"""


def record(**facts: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": "mail taken", "name": "mail_ingest", **facts})
    made.levelno, made.levelname = logging.INFO, "INFO"
    made.created = 1_795_521_600.25
    return made


def test_a_line_is_one_json_object_with_its_facts() -> None:
    line = JsonFormatter().format(record(action="mail_taken", submission_id="mail-1", media=2))

    assert json.loads(line) == {
        "time": "2026-11-24T12:00:00.250Z",
        "level": "info",
        "logger": "mail_ingest",
        "message": "mail taken",
        "action": "mail_taken",
        "submission_id": "mail-1",
        "media": 2,
    }
    assert list(json.loads(line))[:5] == ["time", "level", "logger", "message", "action"]


def test_a_message_is_not_repeated_in_colour() -> None:
    line = JsonFormatter().format(record(color_message="\x1b[36mmail taken\x1b[0m"))

    assert "color_message" not in json.loads(line)


def test_a_line_stays_one_line_whatever_is_in_it() -> None:
    line = JsonFormatter().format(record(reason="two\nlines \udcff \x1b[31m", where=object))

    assert "\n" not in line
    assert line.isascii()
    assert json.loads(line)["where"] == str(object)


def test_a_fact_cannot_pose_as_the_time_or_the_level() -> None:
    line = json.loads(JsonFormatter().format(record(time="never", level="fine")))

    assert line["time"].startswith("2026")
    assert line["level"] == "info"


def test_an_exception_brings_its_trace() -> None:
    error = ZeroDivisionError("by zero")
    failed = record(exc_info=(ZeroDivisionError, error, None))

    assert "ZeroDivisionError: by zero" in json.loads(JsonFormatter().format(failed))["exception"]
    assert ConsoleFormatter().format(failed).endswith("ZeroDivisionError: by zero")


def test_a_terminal_gets_a_readable_line() -> None:
    line = ConsoleFormatter().format(record(action="mail_taken", media=2, reason="a\nb\x1b[31m"))

    assert line.startswith("12:00:00 INFO    mail taken")
    assert "media=2" in line
    assert "mail_taken" not in line
    assert "\n" not in line
    assert "\x1b[31m" not in line


def test_json_is_for_everything_that_is_no_terminal() -> None:
    assert isinstance(formatter_for(io.StringIO()), JsonFormatter)


@pytest.mark.parametrize(
    ("level", "heard"),
    [("INFO", ["host"]), ("DEBUG", ["azure.core.pipeline", "durabletask.worker", "host"])],
)
def test_libraries_are_heard_only_by_whoever_looks_for_a_mistake(
    level: str, heard: list[str]
) -> None:
    program = [sys.executable, "-c", CHATTER.format(level=level)]
    said = subprocess.run(program, capture_output=True, check=True, text=True)  # noqa: S603
    assert [json.loads(line)["logger"] for line in said.stdout.splitlines()] == heard


def test_what_an_sdk_complains_of_is_one_short_warning_and_ours_stay_as_they_are() -> None:
    *theirs, ours = complaints("INFO")

    assert [line["logger"].partition(".")[0] for line in theirs] == SDKS
    for line in theirs:
        assert set(line) == {"time", "level", "logger", "message"}
        assert line["level"] == "warning"
        assert line["message"].startswith("It broke: one two xxx")
        assert line["message"].endswith("xxx... (ConnectionError)")
        assert len(line["message"]) < 230
    assert ours["level"] == "error"
    assert "ConnectionError: no route" in ours["exception"]
    assert len(ours["message"]) > 300


def test_whoever_looks_for_a_mistake_is_told_all_that_an_sdk_says() -> None:
    lines = complaints("DEBUG")
    assert len(lines) == 4
    assert all(line["level"] == "error" and "no route" in line["exception"] for line in lines)


def test_whoever_wants_errors_only_gets_no_hints() -> None:
    assert [line["logger"] for line in complaints("ERROR")] == ["host"]


def complaints(level: str) -> list[dict[str, str]]:
    """What is logged when each of some libraries, and we, log the same exception."""
    program = [sys.executable, "-c", COMPLAINTS.format(level=level)]
    said = subprocess.run(program, capture_output=True, check=True, text=True)  # noqa: S603
    return [json.loads(line) for line in said.stdout.splitlines()]
