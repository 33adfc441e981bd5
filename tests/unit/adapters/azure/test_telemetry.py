"""Azure Monitor on the wire: what the official exporter posts to the ingestion endpoint."""

from __future__ import annotations

import os
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.fakes.monitor.server import FakeMonitor, fake_monitor

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
THEIR_SPAN = "b7ad6b7169203331"
# The exporter's own statistics and the search for the machine it runs on need a network.
OFFLINE = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "otel",
}


def run(monitor: FakeMonitor, folder: Path, connection_string: str = "") -> str:
    """Run the program to its end; what it printed."""
    ended = subprocess.run(  # noqa: S603
        (
            *(sys.executable, "-m", "tests.support.monitor_program"),
            connection_string or monitor.connection_string,
            f"00-{TRACE_ID}-{THEIR_SPAN}-01",
        ),
        env={**os.environ, **OFFLINE, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "ann@" not in ended.stderr
    return ended.stdout


def named(envelopes: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = (each for each in envelopes if each["data"]["baseData"]["name"] == name)
    return found


def test_spans_log_lines_and_metrics_arrive_as_one_trace(tmp_path: Path) -> None:
    with fake_monitor() as monitor:
        run(monitor, tmp_path)
    requests = monitor.of_type("RequestData")
    dispatched = named(requests, "dispatch_submission")
    assert dispatched["tags"]["ai.operation.id"] == TRACE_ID
    assert dispatched["tags"]["ai.operation.parentId"] == THEIR_SPAN
    assert dispatched["tags"]["ai.cloud.role"] == "newsroom"
    assert dispatched["data"]["baseData"]["properties"]["submission_id"] == "mail-a"

    inner = monitor.of_type("RemoteDependencyData")
    assert {each["data"]["baseData"]["name"] for each in inner} == {
        "accept_submission",
        "activity:reply",
    }
    (line,) = monitor.of_type("MessageData")
    assert line["data"]["baseData"]["message"] == "submission accepted"
    assert line["data"]["baseData"]["properties"]["action"] == "submission_accepted"
    assert {each["tags"]["ai.operation.id"] for each in (*inner, line)} == {TRACE_ID}

    failed = named(requests, "take_description")
    assert not failed["data"]["baseData"]["success"]
    assert failed["data"]["baseData"]["properties"]["error"] == "ValueError"

    points = [
        point
        for envelope in monitor.of_type("MetricData")
        for point in envelope["data"]["baseData"]["metrics"]
    ]
    values = {point["name"]: point["value"] for point in points if point["name"][0] != "_"}
    assert values == {"replies": 1, "queue_depth": 4, "answer_age_seconds": 12.5}


def test_nothing_that_a_person_wrote_is_sent(tmp_path: Path) -> None:
    with fake_monitor() as monitor:
        run(monitor, tmp_path)
    assert "ann@" not in str(monitor.envelopes)


def test_what_the_service_refuses_for_now_is_kept_on_disk(tmp_path: Path) -> None:
    with fake_monitor() as monitor:
        monitor.refusals = [HTTPStatus.SERVICE_UNAVAILABLE] * 20
        run(monitor, tmp_path)
    assert not monitor.envelopes
    assert list(tmp_path.rglob("*.blob*"))


def test_what_one_service_refused_is_not_sent_to_another(tmp_path: Path) -> None:
    with fake_monitor() as monitor:
        monitor.refusals = [HTTPStatus.SERVICE_UNAVAILABLE] * 20
        run(monitor, tmp_path)
    for kept in tmp_path.rglob("*.lock"):  # as after the minute that it is left alone
        kept.rename(kept.with_name(kept.name.partition("@")[0]))
    with fake_monitor() as another:
        run(another, tmp_path)
    named(another.of_type("RequestData"), "dispatch_submission")


def test_a_dead_endpoint_holds_up_the_end_of_the_program_for_seconds_only(tmp_path: Path) -> None:
    with fake_monitor() as monitor:
        nowhere = monitor.connection_string.replace(monitor.url, "http://127.0.0.1:9")
        printed = run(monitor, tmp_path, nowhere)
    assert float(printed.removeprefix("closed in ")) < 15
