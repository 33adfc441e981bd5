"""The interpreter itself, where the workflows' own runs do not show how it behaves."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.logicapp.wdl.content import from_body, to_body
from tests.logicapp.wdl.evaluate import Values
from tests.logicapp.wdl.expressions import WorkflowError, parse
from tests.logicapp.wdl.http_calls import HttpCalls
from tests.logicapp.wdl.run import Run

VALUES = Values(
    parameters={"name": "it's", "list": [1, 2]},
    trigger={"id": "a/b+c=", "none": None, "number": 7},
    outputs={"Act": {"statusCode": 202, "body": {"x": {"y": 1}}}, "Gone": None},
    items={"Loop": {"id": 3}},
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("@@literal", "@literal"),
        ("someone@example.org", "someone@example.org"),
        ("@parameters('list')", [1, 2]),
        ("@{parameters('list')}", "[1, 2]"),
        ("a@{triggerBody()?['number']}b@{triggerBody()['none']}c", "a7bc"),
        ("@encodeUriComponent(triggerBody()['id'])", "a%2Fb%2Bc%3D"),
        ("@equals(parameters('name'), 'it''s')", True),
        ("@{coalesce(triggerBody()?['}'], '}')}", "}"),
        ("@body('Act')?['x']['y']", 1),
        ("@outputs('Gone')?['statusCode']", None),
        ("@coalesce(outputs('Gone')?['statusCode'], 0)", 0),
        ("@contains(createArray(1, 3), items('Loop')['id'])", True),
    ],
)
def test_an_expression_has_the_value_that_the_language_gives_it(text: str, value: Any) -> None:
    assert VALUES.resolve(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "@triggerBody()['missing']",
        "@triggerBody()['none']['deeper']",
        "@triggerBody()['id']?['letter']",
        "@outputs('Never')",
        "@parameters('other')",
        "@items('Other')",
        "@utcNow()",
    ],
)
def test_an_expression_that_azure_refuses_is_refused(text: str) -> None:
    with pytest.raises(WorkflowError):
        VALUES.resolve(text)


@pytest.mark.parametrize("source", ["", "f(", "f()'", "f(,)", "f(1 2)", "a", "'x", "f()?", "f()]"])
def test_an_expression_that_cannot_be_read_is_refused(source: str) -> None:
    with pytest.raises(WorkflowError):
        parse(source)


@pytest.mark.parametrize(
    ("data", "content_type"), [(b"\xff\x00", "application/octet-stream"), (b"text", "text/plain")]
)
def test_content_goes_through_untouched(data: bytes, content_type: str) -> None:
    assert to_body(from_body(data, content_type))[0] == data


async def run(actions: dict[str, Any], **parameters: Any) -> Run:
    declared: dict[str, Any] = {name: {} for name in parameters}
    definition: dict[str, Any] = {"parameters": declared, "actions": actions}
    async with httpx.AsyncClient() as client:
        calls = HttpCalls(client=client, identity=lambda _: {})
        made = Run(definition, parameters=parameters, calls=calls)
        await made.start()
    return made


FAILING = {"type": "Http", "runAfter": {}, "inputs": {"uri": "@parameters('missing')"}}


async def test_a_failure_that_something_runs_after_is_handled() -> None:
    handled = {"type": "Scope", "actions": {}, "runAfter": {"Act": ["Failed"]}}
    assert (await run({"Act": FAILING})).status == "Failed"
    assert (await run({"Act": FAILING, "Then": handled})).status == "Succeeded"


async def test_a_branch_that_ends_with_a_skipped_action_ends_as_what_led_to_it() -> None:
    unhandled = {"type": "Scope", "actions": {}, "runAfter": {"Act": ["Succeeded"]}}
    handled = {"type": "Scope", "actions": {}, "runAfter": {"Act": ["Failed"]}}
    made = await run({"Act": FAILING, "Then": handled, "Else": unhandled})
    assert made.statuses == {"Act": "Failed", "Then": "Succeeded", "Else": "Skipped"}
    assert made.status == "Failed"


async def test_nothing_runs_after_terminate() -> None:
    end = {
        "type": "Terminate",
        "runAfter": {},
        "inputs": {"runStatus": "Failed", "runError": {"code": "Enough"}},
    }
    later = {"type": "Scope", "actions": {}, "runAfter": {"End": ["Succeeded"]}}
    made = await run({"End": end, "Later": later})
    assert (made.status, made.error) == ("Failed", "Enough")
    assert made.statuses["Later"] == "Skipped"


async def test_parameters_must_be_declared_and_have_a_value() -> None:
    calls = HttpCalls(client=httpx.AsyncClient(), identity=lambda _: {})
    definition: dict[str, Any] = {"parameters": {"a": {}}, "actions": {}}
    for given in ({}, {"a": 1, "b": 2}):
        with pytest.raises(WorkflowError):
            Run(definition, parameters=given, calls=calls)
    await calls.client.aclose()
