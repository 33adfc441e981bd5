"""The whole system on Azure's own SDKs, credentials and protocols, with emulators for the cloud:
submissions come in every way, containers describe as processes, and each gets one answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from standardwebhooks import Webhook

from adapters.azure.container_apps import secret_name
from shared.events import ACCEPTED, COMPLETED, DESCRIBED
from tests.support.azurite import require_azurite
from tests.support.cloud.audit import Audit, Findings
from tests.support.cloud.load import Load, Way
from tests.support.cloud.programs import Shape, running_system
from tests.support.cloud.services import WEBHOOK_SECRET, emulated_cloud

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cloud.services import Cloud

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
THEIR_SPAN = "b7ad6b7169203331"
WAY = {
    *("accept_submission", "dispatch_submission", "start_description", "take_description"),
    *("publish_accepted", "classify", "reply", "complete"),
}


@pytest.fixture(autouse=True)
def _azurite() -> None:
    require_azurite()


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("shape", "jobs"),
    [(Shape.CONTAINERS, "container_instances"), (Shape.FUNCTIONS, "container_apps")],
)
async def test_what_comes_in_by_any_way_gets_one_answer_and_one_trace(
    shape: Shape, jobs: str, tmp_path: Path
) -> None:
    settings = {
        "MAIL_INGEST_JOBS": jobs,
        "OTEL_BSP_SCHEDULE_DELAY": "500",  # milliseconds
    }
    async with emulated_cloud(tmp_path) as cloud:
        _give_the_job_its_secrets(cloud)
        async with running_system(cloud, shape, tmp_path, **settings) as system:
            load = Load(
                cloud, system.door, headers={"traceparent": f"00-{TRACE_ID}-{THEIR_SPAN}-01"}
            )
            await load.send(10, within_s=2)
            async with Audit(cloud) as audit:
                assert await audit.until_finished(load.sent, within_s=120), system.logs()
                assert await audit.findings(load.sent) == Findings(complaints=(), repeats=0)
            _check_webhooks(cloud, load)
            await _check_traces(cloud, load)
            async with httpx.AsyncClient(trust_env=False) as client:
                for program in system.programs:
                    ready = await client.get(f"{program.url}/health/ready")
                    assert (ready.status_code, ready.json()["ready"]) == (200, True)
            await _check_containers_go(cloud)
            codes = [await asyncio.to_thread(program.stop) for program in system.programs]
    if shape is Shape.CONTAINERS:
        assert codes == [0, 0], "a container that is told to stop ends in good order"


async def _check_containers_go(cloud: Cloud) -> None:
    """A container is removed when it has ended; that is seen at the next look at it."""
    async with asyncio.timeout(40):
        while cloud.arm.running():
            await asyncio.sleep(0.2)


def _give_the_job_its_secrets(cloud: Cloud) -> None:
    """What a Container Apps job holds for its executions, and a template only names."""
    for job, ours in (
        ("MAIL_INGEST_THIRD_PARTY_KEY", "MAIL_INGEST_THIRD_PARTY_KEY"),
        ("EVENT_KEY", "MAIL_INGEST_JOBS_EVENT_KEY"),
    ):
        cloud.arm.apps.secrets[secret_name(job)] = cloud.environment[ours]


def _check_webhooks(cloud: Cloud, load: Load) -> None:
    for hook in cloud.receiver.hooks:
        outcome = Webhook(WEBHOOK_SECRET).verify(hook.body, dict(hook.headers))
        assert outcome["status"] == "completed"
    asked = [each for each in load.sent if each.way in {Way.FORM, Way.UPLOAD}]
    assert len(cloud.receiver.hooks) == len(asked)


async def _check_traces(cloud: Cloud, load: Load) -> None:
    """What came over HTTP belongs to its client's trace: in Application Insights and in all events,
    of which a container has sent one.
    """
    over_http = [each for each in load.sent if each.way is not Way.MAILBOX]
    by_mailbox = [each for each in load.sent if each.way is Way.MAILBOX]
    expected = {(each.id, step, TRACE_ID) for each in over_http for step in WAY}
    async with asyncio.timeout(30):
        while expected - _steps(cloud):
            await asyncio.sleep(0.2)
        while not all(_is_one_trace(cloud, each.id) for each in by_mailbox):
            await asyncio.sleep(0.2)
    subjects = {f"submissions/{each.id}" for each in over_http}
    for kind in (ACCEPTED, DESCRIBED, COMPLETED):
        told = [event for event in cloud.events.published if event["type"] == kind]
        ours = {
            event["subject"]: event["traceparent"].split("-")[1]
            for event in told
            if event["subject"] in subjects
        }
        assert ours == dict.fromkeys(subjects, TRACE_ID), kind


def _is_one_trace(cloud: Cloud, submission_id: str) -> bool:
    """Whether all steps of a submission are there, in one trace of its own."""
    steps = {step: trace for owner, step, trace in _steps(cloud) if owner == submission_id}
    traces = {trace for owner, _, trace in _steps(cloud) if owner == submission_id}
    return {"receive_mail", *WAY} <= set(steps) and len(traces - {TRACE_ID}) == 1


def _steps(cloud: Cloud) -> set[tuple[str, str, str]]:
    """Submission, step and trace ID of each span in Application Insights."""
    found = set[tuple[str, str, str]]()
    for kind in ("RequestData", "RemoteDependencyData"):
        for envelope in cloud.monitor.of_type(kind):
            data: dict[str, Any] = envelope["data"]["baseData"]
            properties = data.get("properties", {})
            job = properties.get("job_id", "").partition(":")[0]
            trace = envelope["tags"].get("ai.operation.id", "")
            found.add((properties.get("submission_id") or job, data["name"], trace))
    return found
