"""A right that our identity lacks for a while: nothing is lost, put aside or taken for a fault of
the submission, and all goes on by itself when a person has given it back.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure.core.exceptions import ClientAuthenticationError

from adapters.azure.errors import RefusedError, azure_errors_translated, refusals_said
from adapters.azure.submission_index import TableSubmissionIndex
from adapters.azure.work_queue import ServiceBusWorkQueue
from adapters.local.mailbox import MaildirMailbox
from host.readiness import hub_readiness, index_readiness
from mail_ingest.poll import MailboxPoller, PollPolicy
from mail_ingest.receive import ReceivePolicy, receive
from shared.dispatch import Dispatcher
from shared.errors import AccessRefusedError, ServiceUnavailableError
from shared.ports import SubmissionState
from shared.settings.azure import ServiceBusSettings
from shared.steps import Patience
from tests.fakes.scheduler.server import scheduler
from tests.fakes.service_bus.broker import Entities, broker
from tests.fakes.service_bus.queue import QueueRules
from tests.support.azure_services import azure_blob_store, azure_tables
from tests.support.clocks import ManualClock
from tests.support.core import a_submission, open_core
from tests.support.fault_proxy import Answer, fault_proxy
from tests.support.hub_worker import hub_engine
from tests.support.images import image_bytes
from tests.support.mails import mail, photo, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mail_ingest.receive import MailOrigin
    from tests.support.azurite import Azurite

NO_ROLE = Answer(
    403, {"x-ms-error-code": "AuthorizationPermissionMismatch", "x-ms-request-id": "1"}
)
SENTENCE = (
    "it refuses us (403 AuthorizationPermissionMismatch); our identity needs the roles that"
    " docs/azure.md names."
)


@pytest.mark.parametrize("service", ["Blob", "Table"])
async def test_submissions_wait_for_the_role_and_start_when_it_is_there(
    azurite: Azurite, tmp_path: Path, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    target = azurite.url(service).rpartition("/")[0]
    with open_core(tmp_path) as core:
        async with (
            fault_proxy(target) as proxy,
            azure_blob_store(settings := azurite.settings(**{service: proxy.port})) as blobs,
            azure_tables(settings) as tables,
            scheduler() as hub,
            hub_engine(hub.endpoint) as engine,
        ):
            queue, index = core.services.queue, TableSubmissionIndex(tables, core.clock)
            await replace(core.services.intake, blobs=blobs, index=index).accept(a_submission())
            dispatcher = Dispatcher(
                blobs=blobs,
                queue=queue,
                engine=engine,
                index=index,
                publisher=core.services.publisher,
                clock=core.clock,
                patience=Patience(),
            )

            async def work() -> None:
                for message in await queue.receive(max_messages=10, max_wait_s=0):
                    await dispatcher.dispatch(message)
                core.clock.advance(seconds=61)

            proxy.always = NO_ROLE
            for _ in range(25):
                await work()
            assert await engine.instance(a_submission().id) is None
            assert await queue.depth() == 1
            lines = [vars(line) for line in caplog.records]  # some are of asyncio and grpc
            first = next(line for line in lines if line.get("action", "").startswith("dis"))
            assert first["error"].endswith(SENTENCE)

            proxy.always = None
            await work()
            assert await engine.instance(a_submission().id) is not None
            assert await queue.dead_letters() == ()
            assert await index.list(state=SubmissionState.DEAD_LETTERED) == ()


async def test_mails_wait_for_the_role_and_count_no_attempt(
    azurite: Azurite, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = await MaildirMailbox.open(tmp_path / "mailbox", clock=ManualClock())
    raw = mail(text("Look."), photo(image_bytes("PNG", (100, 50))))
    (tmp_path / "mailbox" / "new" / "1").write_bytes(raw)
    with open_core(tmp_path / "data") as core:
        async with (
            fault_proxy(azurite.url("Blob").rpartition("/")[0]) as proxy,
            azure_blob_store(azurite.settings(Blob=proxy.port)) as blobs,
        ):
            intake = replace(core.services.intake, blobs=blobs)

            async def take(chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> object:
                return await receive(chunks, origin=origin, intake=intake, policy=ReceivePolicy())

            poller = MailboxPoller(
                mailbox,
                take,
                publisher=core.services.publisher,
                clock=core.clock,
                policy=PollPolicy(pause_s=0, max_attempts=2),
            )
            proxy.always = NO_ROLE
            for _ in range(5):
                assert await poller.poll_once() == 1
            told = [vars(line) for line in caplog.records]
            reasons = [line["reason"] for line in told if line["action"] == "message_postponed"]
            assert reasons == [f"The service Azure Blob Storage is not available: {SENTENCE}"] * 5

            proxy.always = None
            assert await poller.poll_once() == 1
            assert await core.services.queue.depth() == 1
            assert "submission.dead-lettered.v1" not in await core.events()
    await mailbox.close()


async def test_nobody_is_ready_without_the_role_and_the_reason_says_so(
    azurite: Azurite, tmp_path: Path
) -> None:
    with open_core(tmp_path) as core:
        async with (
            fault_proxy(azurite.url("Table").rpartition("/")[0]) as proxy,
            azure_tables(azurite.settings(Table=proxy.port)) as tables,
            scheduler() as hub,
            hub_engine(hub.endpoint) as engine,
        ):
            index = TableSubmissionIndex(tables, core.clock)
            proxy.always = NO_ROLE
            told = await index_readiness(index)
            assert not told.ready
            assert told.reasons == (
                f"The service Azure Table Storage is not available: {SENTENCE}",
            )

            proxy.always = None
            hub.weather.refuse_with = grpc.StatusCode.PERMISSION_DENIED
            told = await hub_readiness(index, engine)
            assert told.reasons == (
                "The service task hub is not available: it refuses us (PERMISSION_DENIED); our"
                " identity needs the role that docs/azure-containers.md names.",
            )

            hub.weather.refuse_with = None
            assert (await hub_readiness(index, engine)).ready


@pytest.mark.parametrize(
    "status", [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED]
)
async def test_a_hub_that_refuses_us_is_an_unavailable_service(status: grpc.StatusCode) -> None:
    async with scheduler() as hub, hub_engine(hub.endpoint) as engine:
        hub.weather.refuse_with = status
        with pytest.raises(AccessRefusedError, match=status.name):
            await engine.start("echo", instance_id="a", payload={})
        with pytest.raises(AccessRefusedError, match=status.name):
            await engine.raise_event("a", name="Go", payload={})


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the SDK leaves sockets to the collector
async def test_a_queue_that_refuses_us_is_an_unavailable_service_until_it_does_not() -> None:
    async with broker(Entities(queues={"submissions": QueueRules(lock_s=60)})) as running:
        queue = ServiceBusWorkQueue.open(
            ServiceBusSettings(connection_string=running.connection_string)
        )
        running.faults.refuse_with = "amqp:unauthorized-access"
        with pytest.raises(AccessRefusedError, match="submissions: unauthorized access"):
            await queue.send("one", b"")
        with pytest.raises(AccessRefusedError, match=r"docs/azure\.md"):
            await queue.receive(max_messages=1, max_wait_s=1)

        running.faults.refuse_with = ""
        await queue.send("one", b"")
        (message,) = await queue.receive(max_messages=1, max_wait_s=5)
        assert message.message_id == "one"
        await queue.complete(message)
        await queue.close()


def test_an_identity_that_gets_no_token_any_more_is_waited_for_too() -> None:
    """Entra ID answers 400 or 401 when a secret has run out; azure-identity hands on its answer."""
    answer: Any = SimpleNamespace(status_code=400, reason="Bad Request", headers={})
    with (
        pytest.raises(AccessRefusedError, match=r"it refuses us \(400\)"),
        azure_errors_translated("Azure Blob Storage"),
    ):
        raise ClientAuthenticationError("AADSTS7000222: The secret is expired.", response=answer)


def test_a_person_is_told_at_once_what_to_do_about_a_right() -> None:
    with pytest.raises(RefusedError, match="az login"), refusals_said():
        raise AccessRefusedError("Azure Blob Storage", "403 AuthorizationFailure", "wait")


def test_a_person_is_not_sent_to_sign_in_for_a_service_that_is_down() -> None:
    with pytest.raises(ServiceUnavailableError, match="no answer"), refusals_said():
        raise ServiceUnavailableError("Azure Blob Storage", "no answer")
