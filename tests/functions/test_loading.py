"""What function_app.py binds, and what it must not import before its first answer."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from scripts.ignore_rules import IgnoreRules
from shared import steps
from tests.support.azure_app import PROJECT, look

TOO_HEAVY = (
    *("msgraph", "kiota_abstractions", "onnxruntime", "av", "PIL", "numpy", "pi_heif"),
    *("azure.monitor", "azure.storage", "azure.data", "azure.servicebus", "azure.eventgrid"),
    *("azure.identity", "azure.mgmt", "azure.core", "aiohttp", "httpx", "rich", "jinja2"),
    *("opentelemetry.sdk", "uvicorn", "aiosmtpd"),
)
MODEL_NOTICES = ("LICENSE-Apache-2.0.txt", "NOTICE.txt")
MOST_MODULES = 1150  # half of them are the standard library's


@pytest.fixture(scope="module")
def app() -> dict[str, Any]:
    return look()


def test_the_first_answer_waits_for_nothing_that_it_does_not_need(app: dict[str, Any]) -> None:
    assert app["status"] == "200"
    loaded = set(app["modules"])
    assert not loaded & set(TOO_HEAVY)
    assert len(loaded) <= MOST_MODULES


def test_the_app_imports_nothing_that_is_left_behind(app: dict[str, Any]) -> None:
    rules = IgnoreRules.read(PROJECT / ".funcignore")
    harness = {"tests", "tests.support", "tests.fakes"}
    ours = {path.name for path in PROJECT.iterdir() if path.is_dir()}
    left_behind = {
        module
        for module in app["modules"]
        if module.split(".")[0] in ours
        and rules.ignores(PurePosixPath(module.replace(".", "/")), is_folder=True)
    }
    assert left_behind  # the harness itself: the rules do say something
    assert {module for module in left_behind if module.split(".")[0] not in harness} == set()


def test_the_licences_of_what_we_hand_on_are_not_left_behind() -> None:
    rules = IgnoreRules.read(PROJECT / ".funcignore")
    licences = [file.relative_to(PROJECT) for file in (PROJECT / "describer/licences").iterdir()]
    notices = [Path("LICENSE"), *(Path("describer/models") / it for it in MODEL_NOTICES)]
    left_behind = [file for file in licences + notices if rules.ignores(PurePosixPath(file))]
    assert len(licences) == 3
    assert left_behind == []


def test_every_orchestrator_and_activity_is_bound_under_its_name(app: dict[str, Any]) -> None:
    triggers = app["triggers"].values()
    activities = {it["activity"] for it in triggers if it["type"] == "activityTrigger"}
    orchestrators = {
        name for name, it in app["triggers"].items() if it["type"] == "orchestrationTrigger"
    }
    assert activities >= {
        *(steps.START_DESCRIPTION, steps.ESCALATE, steps.CLASSIFY, steps.REPLY),
        *(steps.COMPLETE, steps.REPORT_REPLY, steps.DEAD_LETTER),
    }
    assert orchestrators >= {steps.PROCESS_SUBMISSION, steps.DESCRIBE_MEDIA}


def test_the_triggers_name_the_settings_that_the_host_reads(app: dict[str, Any]) -> None:
    triggers = app["triggers"]
    assert triggers["dispatch"]["connection"] == "ServiceBusConnection"
    assert triggers["dispatch"]["queueName"] == "submissions"
    assert triggers["described"]["type"] == "eventGridTrigger"
    assert triggers["intake"]["route"] == "{*path}"
    assert triggers["intake"]["authLevel"].lower() == "anonymous"
    schedules = [it["schedule"] for it in triggers.values() if it["type"] == "timerTrigger"]
    assert all(len(schedule.split()) == 6 for schedule in schedules)


def test_a_public_address_without_keys_is_refused_with_a_sentence() -> None:
    error = look(MAIL_INGEST_PUBLIC_URL="https://intake.newsroom.example")["error"]
    assert "MAIL_INGEST_KEYS: MAIL_INGEST_PUBLIC_URL is set, and no keys are." in error


def test_the_host_is_told_what_the_durable_library_needs() -> None:
    host = json.loads((PROJECT / "host.json").read_text())
    assert host["extensions"]["http"]["routePrefix"] == ""
    assert host["extensionBundle"]["version"] == "[4.32.0, 5.0.0)"


def test_the_entry_point_holds_triggers_only() -> None:
    assert len(Path(PROJECT, "function_app.py").read_text().splitlines()) < 150


def test_the_examples_of_local_settings_are_settings() -> None:
    from shared.settings import Settings
    from shared.settings.azure import AzureSettings

    values = json.loads((PROJECT / "local.settings.example.json").read_text())["Values"]
    azure = AzureSettings.read(values)
    assert azure.storage.connection_string == values["AzureWebJobsStorage"]
    assert Settings.read(values).http.keys == ()
