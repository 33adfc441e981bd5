"""The container programs over gRPC, sockets and local stores."""

from __future__ import annotations

import asyncio
import time
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from azure.core.credentials import AccessToken

from adapters.local.otlp import OtlpTelemetry
from host.azure import sign_out
from host.containers import main
from shared.errors import SettingsError
from shared.ports import SubmissionState
from tests.fakes.otlp.receiver import otlp_receiver
from tests.fakes.scheduler.server import scheduler
from tests.support.containers import cluster
from tests.support.server_process import free_port

if TYPE_CHECKING:
    from tests.support.containers import Cluster

PHOTO = (Path(__file__).parents[2] / "fixtures" / "media" / "cat.jpg").read_bytes()


def a_mail() -> bytes:
    message = EmailMessage()
    message["From"] = "Ann Reader <ann@example.org>"
    message["To"] = "photos@newsroom.example"
    message["Message-ID"] = "<1@example.org>"
    message.set_content("Please look.")
    message.add_attachment(PHOTO, maintype="image", subtype="jpeg", filename="cat.jpg")
    return message.as_bytes()


async def submit(programs: Cluster) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(
            f"{programs.intake.url}/v1/emails",
            content=a_mail(),
            headers={"content-type": "message/rfc822"},
        )
    assert response.status_code == 202
    return response.json()["id"]


async def done(programs: Cluster, submission_id: str) -> str:
    async with asyncio.timeout(60):
        while True:
            entry = await programs.services.index.get(submission_id)
            if entry is not None and entry.state is SubmissionState.DONE:
                return entry.outcome
            await asyncio.sleep(0.05)


async def ready(url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        return await client.get(f"{url}/health/ready")


async def test_what_the_intake_takes_the_worker_finishes(tmp_path: Path) -> None:
    async with scheduler() as hub, cluster(tmp_path, hub.endpoint) as programs:
        submission_id = await submit(programs)
        assert await done(programs, submission_id) == "completed"
        assert (await ready(programs.intake.url)).status_code == 200
        assert (await ready(programs.worker.url)).status_code == 200
        assert [answer.submission.id for answer in programs.replies.answers] == [submission_id]
        assert programs.jobs.ticks > 0


async def test_one_trace_runs_through_both_programs_and_the_task_hub(tmp_path: Path) -> None:
    with otlp_receiver() as collector:
        exporter = OtlpTelemetry.open(collector.url, service_name="newsroom")
        async with scheduler() as hub, cluster(tmp_path, hub.endpoint, exporter) as programs:
            await done(programs, await submit(programs))
        await asyncio.to_thread(exporter.close)
        assert {"POST /v1/emails", "dispatch_submission", "take_description", "complete"} <= {
            span.name for span in collector.spans
        }
        (trace_id,) = {span.trace_id for span in collector.spans}
        (traceparent,) = programs.jobs.traces
        assert traceparent.split("-")[1] == trace_id


async def test_a_program_that_is_to_stop_says_so(tmp_path: Path) -> None:
    async with scheduler() as hub, cluster(tmp_path, hub.endpoint) as programs:
        for container in (programs.intake, programs.worker):
            container.health.stopping = True
            answer = await ready(container.url)
            assert answer.status_code == 503
            assert answer.json()["reasons"] == ["It is being stopped."]
            live = httpx.URL(container.url).join("/health/live")
            async with httpx.AsyncClient(trust_env=False) as client:
                assert (await client.get(live)).status_code == 200


async def test_without_its_task_hub_a_program_is_not_ready(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with cluster(tmp_path, nowhere) as programs:
        answer = await ready(programs.worker.url)
        assert answer.status_code == 503
        assert "task hub" in answer.text


async def test_a_worker_lets_go_of_the_identity_of_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", ClosableIdentity)
    ClosableIdentity.open = 0
    try:
        async with cluster(tmp_path, f"https://127.0.0.1:{free_port()}"):
            assert ClosableIdentity.open == 1
    finally:
        await sign_out()
    assert ClosableIdentity.open == 0


class ClosableIdentity:
    """A credential for threads; `open` counts those that are not closed."""

    open = 0

    def __init__(self) -> None:
        ClosableIdentity.open += 1

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken("a token", int(time.time()) + 3600)

    def close(self) -> None:
        ClosableIdentity.open -= 1


async def test_a_program_without_a_scheduler_says_which_setting_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="MAIL_INGEST_SCHEDULER_ENDPOINT"):
        async with cluster(tmp_path, ""):
            pass


@pytest.mark.parametrize("arguments", [[], ["both"], ["intake", "worker"]])
def test_a_container_is_told_which_program_it_is(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "intake or worker" in capsys.readouterr().err
