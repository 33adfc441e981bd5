"""Both workflows, held to the language and to the services that they call; and planted mistakes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.logicapp.stage import CONNECTOR_WORKFLOW, GRAPH_WORKFLOW, PROJECT, SHARED, definition_of
from tests.logicapp.wdl import call_checks, static_checks
from tests.logicapp.wdl.call_checks import CONNECTION, Calling, callings, fields_used
from tests.logicapp.wdl.descriptions import Operation, operations, properties

if TYPE_CHECKING:
    from pathlib import Path

INTAKE = PROJECT / "http_intake" / "openapi.yaml"
CONNECTOR = SHARED / "schemas" / "office365-swagger.json"
GRAPH = SHARED / "reference" / "graph" / "graph-mail-openapi.yaml"
WORKFLOWS = pytest.mark.parametrize("path", [CONNECTOR_WORKFLOW, GRAPH_WORKFLOW])
MESSAGE_FIELDS = {"id", "internetMessageId", "receivedDateTime"}


@cache
def description(path: Path) -> dict[str, Any]:
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the project")
    return yaml.load(path.read_text("utf-8-sig"), Loader=yaml.CSafeLoader)


def calls_of(definition: dict[str, Any], service: str) -> list[Calling]:
    return [call for call in callings(definition) if call.service == service]


def check_intake(definition: dict[str, Any]) -> list[str]:
    return call_checks.check(calls_of(definition, "intakeUrl"), operations(description(INTAKE)))


def check_connector(definition: dict[str, Any]) -> list[str]:
    swagger = description(CONNECTOR)
    known = properties(swagger, swagger["definitions"]["GraphClientReceiveMessage"])
    unknown = sorted(fields_used(definition) - set(known))
    wrong = call_checks.check(calls_of(definition, CONNECTION), operations(swagger))
    return [*wrong, *(f"a message has no {name!r}" for name in unknown)]


def check_graph(definition: dict[str, Any]) -> list[str]:
    graph = description(GRAPH)
    calls = [
        replace(call, path=call.path.removeprefix("/v1.0"))
        for call in calls_of(definition, "graphUrl")
    ]
    return call_checks.check(calls, [_as_documented(each) for each in operations(graph)])


def _as_documented(operation: Operation) -> Operation:
    """Graph's metadata writes DestinationId, its documentation destinationId; it takes both."""
    body = {name[:1].lower() + name[1:]: required for name, required in operation.body.items()}
    return replace(operation, body=body)


@WORKFLOWS
def test_a_workflow_is_well_formed(path: Path) -> None:
    assert static_checks.check(definition_of(path)) == []


@WORKFLOWS
def test_a_workflow_calls_the_intake_as_it_is_described(path: Path) -> None:
    definition = definition_of(path)
    assert len(calls_of(definition, "intakeUrl")) == 2
    assert check_intake(definition) == []


def test_the_connector_is_called_as_it_is_described() -> None:
    definition = definition_of(CONNECTOR_WORKFLOW)
    assert len(calls_of(definition, CONNECTION)) == 5
    assert check_connector(definition) == []


def test_graph_is_called_as_it_is_described() -> None:
    definition = definition_of(GRAPH_WORKFLOW)
    assert len(calls_of(definition, "graphUrl")) == 5
    assert check_graph(definition) == []


def test_the_graph_workflow_uses_what_it_selects() -> None:
    definition = definition_of(GRAPH_WORKFLOW)
    selected = definition["actions"]["List_the_inbox"]["inputs"]["queries"]["$select"]
    assert set(selected.split(",")) == fields_used(definition) == MESSAGE_FIELDS


@WORKFLOWS
def test_no_answer_of_the_intake_is_taken_for_a_long_operation(path: Path) -> None:
    for call in calls_of(definition_of(path), "intakeUrl"):
        assert call.action["operationOptions"] == "DisableAsyncPattern"


@WORKFLOWS
def test_calls_to_the_intake_and_to_graph_sign_in_with_the_managed_identity(path: Path) -> None:
    audiences = {"intakeUrl": "intakeAudience", "graphUrl": "graphUrl"}
    for call in callings(definition_of(path)):
        if call.service != CONNECTION:
            assert call.inputs["authentication"] == {
                "type": "ManagedServiceIdentity",
                "audience": f"@parameters('{audiences[call.service]}')",
            }


@WORKFLOWS
def test_the_run_history_keeps_no_content_of_messages(path: Path) -> None:
    for call in callings(definition_of(path)):
        secured = call.action["runtimeConfiguration"]["secureData"]["properties"]
        tells = "outputs" if call.inputs["method"].upper() == "GET" else "inputs"
        assert tells in secured, call.name


@WORKFLOWS
def test_graph_is_asked_for_ids_that_outlive_a_move(path: Path) -> None:
    for call in calls_of(definition_of(path), "graphUrl"):
        assert call.inputs["headers"]["Prefer"] == 'IdType="ImmutableId"'


@WORKFLOWS
def test_what_counts_as_refused_is_what_the_intake_may_answer(path: Path) -> None:
    answers = description(INTAKE)["paths"]["/v1/emails/by-reference"]["post"]["responses"]
    text = json.dumps(definition_of(path))
    assert "createArray(400, 410, 413, 415, 422, 501)" in text
    about_the_service = {"202", "401", "403", "408", "503", "507", "default"}
    assert set(answers) - about_the_service == {"400", "410", "413", "415", "422", "501"}


@WORKFLOWS
def test_the_readme_explains_every_way_that_a_run_fails(path: Path) -> None:
    readme = (path.parent / "README.md").read_text("utf-8")
    codes = re.findall(r'"code": "(\w+)"', json.dumps(definition_of(path)))
    assert codes
    assert all(f"| `{code}` |" in readme for code in codes)


def test_the_readme_sets_every_parameter_that_has_no_default() -> None:
    readme = (CONNECTOR_WORKFLOW.parent / "README.md").read_text("utf-8")
    example = readme.partition("```bicep")[2].partition("```")[0]
    given = set(re.findall(r"'?([$\w]+)'?: \{ value:", example))
    declared = definition_of(CONNECTOR_WORKFLOW)["parameters"]
    required = {name for name, each in declared.items() if "defaultValue" not in each}
    assert required <= given <= set(declared)


STATIC = static_checks.check
PLANTED = [
    ("coalesce(outputs", "coalescs(outputs", STATIC, "no function coalescs()"),
    ("encodeURIComponent(triggerBody()", "encodeURIComponent(trigger()", STATIC, "trigger()"),
    ("@body('Export_the_message')", "@body('Export_the_message'", STATIC, "cannot be read"),
    ("@body('Export_the_message')", "@body('Export_message')", STATIC, "nothing that it can see"),
    ("@body('Export_the_message')", "@body('Move_to_failed')", STATIC, "that it can see"),
    ("@body('Export_the_message')", "@body()", STATIC, "takes 1 arguments"),
    ("@parameters('failedFolder')", "@parameters('failed')", STATIC, "that it can see"),
    ("@{parameters('sourceFolder')}", "@{parameters('sourceFolder')", STATIC, "does not end"),
    ('{"Export_the_message": ["Succ', '{"Export": ["Succ', STATIC, "not beside it"),
    ('"Mark_as_read": ["Succeeded"', '"Mark_as_read": ["Success"', STATIC, "the statuses"),
    ('"Mark_as_read": ["Succeeded"', '"Move_to_submitted": ["Failed"', STATIC, "in a circle"),
    ('"operationOptions"', '"operationOption"', STATIC, "no member 'operationOption'"),
    ('"retryPolicy"', '"retryPolicies"', STATIC, "no member 'retryPolicies'"),
    ('"type": "Scope"', '"type": "Scoop"', STATIC, "'Scoop' is not in the subset"),
    ('"Say_that_it_waits"', '"Move_to_failed"', STATIC, "there are 2 of this name"),
    ("/v1/emails/by-reference", "/v1/email/by-reference", check_intake, "no operation"),
    ('"X-Mailbox"', '"X-Mailbocks"', check_intake, "no header field 'X-Mailbocks'"),
    ('"internet_message_id"', '"internetMessageId"', check_intake, "needs the member"),
    ("message/rfc822", "message/rfc2822", check_intake, "does not take message/rfc2822"),
    ("/v2/Mail/Move/", "/Mail/Move/", check_connector, "is deprecated"),
    ("/codeless/beta/me/", "/codeless/me/", check_connector, "no operation GET"),
    ('"folderPath"', '"folder"', check_connector, "needs the query 'folderPath'"),
    ('"isRead"', '"read"', check_connector, "needs the member 'isRead'"),
    ("?['internetMessageId']", "?['messageId']", check_connector, "no 'messageId'"),
]


@pytest.mark.parametrize(("right", "wrong", "check", "expected"), PLANTED)
def test_a_planted_mistake_is_found(right: str, wrong: str, check: Any, expected: str) -> None:
    text = json.dumps(definition_of(CONNECTOR_WORKFLOW))
    assert right in text, "the mistake cannot be planted any more"
    found = check(json.loads(text.replace(right, wrong)))
    assert expected in "\n".join(found)


def test_the_end_of_a_run_within_a_loop_is_found() -> None:
    definition = definition_of(GRAPH_WORKFLOW)
    end = definition["actions"].pop("Say_that_messages_were_not_taken")
    definition["actions"]["For_each_message"]["actions"]["End"] = end | {"runAfter": {}}
    assert static_checks.check(definition) == ["End: Terminate is not allowed inside of Foreach"]


def test_a_parameter_that_nothing_uses_is_found() -> None:
    definition = definition_of(GRAPH_WORKFLOW)
    definition["parameters"]["spare"] = {"type": "String"}
    assert static_checks.check(definition) == ["the parameter spare is never used"]
