"""Mistyped settings: what is said of them, where, and what is left in peace."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from describer.settings import NAMES as DESCRIBER_NAMES
from describer.settings import Settings as DescriberSettings
from host.setting_names import known_names, unknown_settings
from shared.config import given_names
from tests.support.azure_app import SETTINGS as FUNCTIONS_SETTINGS
from tests.support.server_process import ServerProcess

PROJECT = Path(__file__).parents[3]
SERVICE = {
    "MAIL_INGEST_INTAKE_SERVICE_HOST",
    "MAIL_INGEST_INTAKE_SERVICE_PORT",
    "MAIL_INGEST_INTAKE_SERVICE_PORT_HTTP",
    "MAIL_INGEST_INTAKE_PORT",
    "MAIL_INGEST_INTAKE_PORT_8080_TCP",
    "MAIL_INGEST_INTAKE_PORT_8080_TCP_PROTO",
    "MAIL_INGEST_INTAKE_PORT_8080_TCP_PORT",
    "MAIL_INGEST_INTAKE_PORT_8080_TCP_ADDR",
}
MISTYPED = {"MAIL_INGEST_SMTP_PRT": "hunter2"}
SAID = "MAIL_INGEST_SMTP_PRT is not a setting; did you mean MAIL_INGEST_SMTP_PORT?"


class Recording(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, **given: str) -> None:
        super().__init__(given)
        self.asked: set[str] = set()

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self.asked.add(name)
        return super().get(name, default)


def test_the_known_names_are_those_of_the_page_of_settings() -> None:
    page = (PROJECT / "docs" / "configuration.md").read_text("utf-8")
    assert known_names() == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_the_names_of_the_describer_are_those_that_it_reads() -> None:
    environment = Recording(
        MAIL_INGEST_DESCRIBER="third_party", MAIL_INGEST_THIRD_PARTY_URL="https://vision.example"
    )
    DescriberSettings.from_env(environment)
    assert environment.asked == DESCRIBER_NAMES


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MAIL_INGEST_SMTP_PRT", "MAIL_INGEST_SMTP_PORT"),
        ("MAIL_INGEST_TIRD_PARTY_KEY", "MAIL_INGEST_THIRD_PARTY_KEY"),
        ("MAIL_INGEST_GRAPH_MAILBX", "MAIL_INGEST_GRAPH_MAILBOX"),
        ("MAIL_INGEST_DATA_DIR", "MAIL_INGEST_DATA"),
        ("mail_ingest_keys", "MAIL_INGEST_KEYS"),
    ],
)
def test_an_unknown_name_is_told_with_the_closest_one_that_is_read(name: str, meant: str) -> None:
    assert unknown_settings({name}) == (f"{name} is not a setting; did you mean {meant}?",)


def test_a_name_that_resembles_none_is_told_with_the_page_that_has_them_all() -> None:
    (sentence,) = unknown_settings({"MAIL_INGEST_XYZZY"})
    assert sentence == "MAIL_INGEST_XYZZY is not a setting; docs/configuration.md names them all."


def test_only_names_that_claim_to_be_ours_are_looked_at() -> None:
    given = given_names({"PATH": "/bin", "MAIL_INGESTION": "x", "MAIL_INGEST_KEYS": "y"})
    assert given == {"MAIL_INGEST_KEYS"}


def test_what_kubernetes_tells_of_its_services_is_not_taken_for_settings() -> None:
    assert unknown_settings(SERVICE) == ()
    assert unknown_settings({*SERVICE, *MISTYPED}) == (SAID,)
    assert len(unknown_settings(SERVICE - {"MAIL_INGEST_INTAKE_SERVICE_HOST"})) == 7


def test_the_doctor_names_them_and_never_what_they_are_set_to(tmp_path: Path) -> None:
    done = ServerProcess(tmp_path, MISTYPED).command("doctor")
    assert done.returncode == 1
    assert f"WRONG  settings: {SAID}" in done.stdout.splitlines()
    assert "hunter2" not in done.stdout + done.stderr


def test_the_doctor_names_them_also_where_another_setting_makes_no_sense(tmp_path: Path) -> None:
    done = ServerProcess(tmp_path, MISTYPED | {"MAIL_INGEST_SMTP_PORT": "many"}).command("doctor")
    assert SAID in done.stdout
    assert "'many' is not a whole number" in done.stdout
    assert "2 of 2 need your hand." in done.stdout


def test_the_server_logs_each_once_when_it_starts(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, MISTYPED | {"MAIL_INGEST_DESCRIBER_WORKERS": "1"})
    server.start()
    try:
        server.wait_until_ready()
    finally:
        server.kill()
    log = (tmp_path / "server.log").read_text("utf-8")
    assert told(log) == [("warning", SAID)]
    assert "hunter2" not in log


def test_the_programs_of_the_containers_log_them_before_anything_can_fail() -> None:
    done = run("-m", "host.containers", "worker", **FUNCTIONS_SETTINGS)
    assert told(done.stderr) == [("warning", SAID)]
    assert "MAIL_INGEST_SCHEDULER_ENDPOINT" in done.stderr
    assert "hunter2" not in done.stderr


def test_the_functions_app_logs_them_when_it_is_loaded() -> None:
    done = run("-c", "import function_app", **FUNCTIONS_SETTINGS)
    assert done.returncode == 0
    assert done.stderr.splitlines().count(SAID) == 1
    assert "hunter2" not in done.stderr


def told(log: str) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [(it["level"], it["message"]) for it in lines if it.get("action") == "setting_unknown"]


def run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, *words],
        cwd=PROJECT,
        env=os.environ | settings | MISTYPED,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
