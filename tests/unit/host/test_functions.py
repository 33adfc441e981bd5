"""What the triggers of the Functions app lead to, without a host around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import azure.functions as func
import pytest
from durabletask.client import AsyncTaskHubGrpcClient

from adapters.azure.engine import DurableClientEngine
from host.azure import AzureParts
from host.functions import ComeAgainError, Functions, HostSettlement
from host.lazy import lazily
from host.services import Services, Stores
from shared.codec import to_payload
from shared.errors import SettingsError
from shared.events import COMPLETED, DESCRIBED, MediaDescribed
from shared.ports import QueuedMessage, SubmissionState
from shared.settings import Settings
from shared.tracing import NO_TELEMETRY
from tests.fakes.task_hub.server import task_hub
from tests.support.core import PROVIDER, Core, a_submission, open_core
from tests.support.engine import local_engine
from tests.support.recorded_telemetry import RecordedTelemetry
from tests.support.server_process import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from shared.ports import Telemetry


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with open_core(tmp_path) as opened:
        yield opened


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[AsyncTaskHubGrpcClient]:
    """Of a task hub that runs nothing."""
    async with (
        local_engine(tmp_path / "engine.db", ()) as engine,
        task_hub(engine) as address,
        AsyncTaskHubGrpcClient(host_address=address) as opened,
    ):
        yield opened


def functions(
    core: Core, settings: Settings | None = None, telemetry: Telemetry = NO_TELEMETRY
) -> Functions:
    stores = Stores(
        clock=core.clock,
        blobs=core.services.blobs,
        queue=core.services.queue,
        index=core.services.index,
        publisher=core.services.publisher,
        replies=core.replies,
        telemetry=telemetry,
        turns=core.services.intake.turns,
    )
    services = Services(stores=stores, jobs=core.jobs, provider=PROVIDER)
    return Functions(settings or Settings(), AzureParts(services=services, jobs=NoJobs()))


class NoJobs:
    async def tick(self) -> None:
        """Nothing is open."""


def a_message(submission_id: str, *, delivery_count: int = 1) -> func.ServiceBusMessage:
    from azure.functions.servicebus import ServiceBusMessage

    body = {"schema": "submission-queued/1", "submission_id": submission_id}
    return ServiceBusMessage(
        body=json.dumps(body).encode(),
        message_id=submission_id,
        delivery_count=delivery_count,
        application_properties={},
        user_properties={},
    )


def an_event(kind: str, job_id: str) -> func.CloudEvent:
    data = to_payload(MediaDescribed(job_id=job_id, status="described", description_blob="d"))
    return func.CloudEvent(id="1", source="/t", type=kind, specversion="1.0", data=data)


async def test_a_message_starts_its_submission(core: Core, client: AsyncTaskHubGrpcClient) -> None:
    submission = a_submission()
    await core.services.intake.accept(submission)
    for _ in range(2):
        await functions(core).dispatch(a_message(submission.id), client)
    assert await DurableClientEngine(client).instance(submission.id) is not None


async def test_the_depth_of_the_queue_is_measured_beside_the_sweep(
    core: Core, client: AsyncTaskHubGrpcClient
) -> None:
    telemetry = RecordedTelemetry()
    for number in (1, 2):
        await core.services.intake.accept(a_submission(number))
    await functions(core, telemetry=telemetry).sweep(client)
    assert telemetry.levels == [("queue_depth", 2)]


async def test_a_message_that_cannot_be_started_yet_makes_its_function_fail(
    core: Core, client: AsyncTaskHubGrpcClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def wait(delay_s: float) -> None:
        waited.append(delay_s)

    monkeypatch.setattr("host.functions.asyncio.sleep", wait)
    with pytest.raises(ComeAgainError, match="message"):
        await functions(core).dispatch(a_message("mail-nobody"), client)
    assert waited == [2.0]


async def test_a_mistake_of_ours_makes_its_function_fail_after_a_pause(
    core: Core, client: AsyncTaskHubGrpcClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def wait(delay_s: float) -> None:
        waited.append(delay_s)

    async def stumble(_submission_id: str) -> None:
        raise LookupError

    monkeypatch.setattr("host.functions.asyncio.sleep", wait)
    monkeypatch.setattr(core.services.index, "get", stumble)
    with pytest.raises(ComeAgainError, match="message"):
        await functions(core).dispatch(a_message("mail-nobody", delivery_count=3), client)
    assert waited == [8.0]


async def test_a_message_of_the_last_delivery_is_put_aside_where_people_look(
    core: Core, client: AsyncTaskHubGrpcClient
) -> None:
    await functions(core).dispatch(a_message("mail-nobody", delivery_count=10), client)
    entry = await core.services.index.get("mail-nobody")
    assert entry is not None
    assert entry.state is SubmissionState.DEAD_LETTERED
    assert "There is no blob named" in entry.reason


async def test_in_an_outage_the_function_ends_well_with_a_new_message_in_the_queue(
    core: Core,
) -> None:
    submission, queue = a_submission(), core.services.queue
    await core.services.intake.accept(submission)
    await queue.receive(max_messages=1, max_wait_s=0)

    async with AsyncTaskHubGrpcClient(host_address=f"127.0.0.1:{free_port()}") as nobody:
        for delivery_count in (5, 10):
            message = a_message(submission.id, delivery_count=delivery_count)
            await functions(core).dispatch(message, nobody)

    (copy,) = await queue.receive(max_messages=10, max_wait_s=0)
    assert (copy.message_id, copy.delivery_count) == (f"{submission.id}#copy-1", 1)
    assert copy.body == a_message(submission.id).get_body()
    entry = await core.services.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.ACCEPTED


async def test_an_event_that_comes_too_early_makes_its_function_fail(
    core: Core, client: AsyncTaskHubGrpcClient
) -> None:
    with pytest.raises(ComeAgainError, match="event"):
        await functions(core).described(an_event(DESCRIBED, f"{a_submission().id}:1"), client)


async def test_an_event_of_another_type_is_none_of_ours(
    core: Core, client: AsyncTaskHubGrpcClient
) -> None:
    await functions(core).described(an_event(COMPLETED, "mail-x:1"), client)


async def test_where_there_is_no_mailbox_the_poll_does_nothing(core: Core) -> None:
    await functions(core).poll()


@pytest.mark.parametrize("timer", ["poll", "look_after_jobs"])
async def test_a_timer_that_measures_nothing_opens_the_telemetry_all_the_same(
    core: Core, timer: str
) -> None:
    opened = list[bool]()

    def open_telemetry() -> Telemetry:
        opened.append(True)
        return NO_TELEMETRY

    await getattr(functions(core, telemetry=lazily(open_telemetry)), timer)()
    assert opened == [True]  # without it, a log line would lose its facts


def test_a_public_address_needs_keys(core: Core) -> None:
    settings = Settings.read({"MAIL_INGEST_PUBLIC_URL": "https://intake.newsroom.example"})
    with pytest.raises(SettingsError, match="MAIL_INGEST_KEYS"):
        functions(core, settings).http()


async def test_the_host_completes_what_returns_and_redelivers_what_raises(core: Core) -> None:
    message = QueuedMessage(message_id="m", body=b"", delivery_count=1, lock_token="")
    settlement = HostSettlement(queue=core.services.queue)
    await settlement.complete(message)
    await settlement.dead_letter(message, reason="r", description="d")
    with pytest.raises(ComeAgainError):
        await settlement.abandon(message)
