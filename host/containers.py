"""The programs of the containers (AKS), always awake, on the Durable Task Scheduler.

``python -m host.containers intake`` takes submissions, and the events that Event Grid delivers;
``python -m host.containers worker`` works off the queue, the mailbox and the orchestrations. Each
may run any number of times. At SIGTERM a program says that it is not ready, goes on for a moment
until nobody sends it anything, finishes what it has begun, and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from adapters.azure.engine import DurableClientEngine
from adapters.azure.scheduler import scheduler_client
from adapters.azure.task_hub_worker import TaskHubWorker
from adapters.web.event_grid import EventGridDoor
from host.azure import build, identity
from host.background import Background
from host.health import Health
from host.intake import http_doors, mail_receiver, mailbox_poller, server_settings
from host.logs import log_to_stderr
from host.odd_settings import tell_odd_settings
from host.queue_pump import pump_queue
from host.readiness import hub_readiness
from host.rounds import repeatedly
from host.setting_names import warn_of_unknown_settings
from host.stopping import Stop
from host.sweep import Sweep
from host.telemetry import measure_levels
from http_intake.app import build_app
from http_intake.serving import serving
from shared.errors import IngestError, SettingsError
from shared.events import DESCRIBED
from shared.orchestrators import ORCHESTRATORS
from shared.settings import Settings
from shared.settings.azure import AzureSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager

    from azure.core.credentials import TokenCredential

    from host.azure import AzureParts

    type Program = Callable[
        [Settings, AzureSettings, AzureParts], AbstractAsyncContextManager[Container]
    ]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A program that runs; `url` is where its health is."""

    url: str
    health: Health
    background: Background


@asynccontextmanager
async def intake(
    settings: Settings, azure: AzureSettings, parts: AzureParts
) -> AsyncGenerator[Container]:
    """Serve the HTTP door, and Event Grid's deliveries beside it. Raises SettingsError."""
    stores = parts.services.stores
    async with _client(azure) as engine, Background() as background:
        health = Health(lambda: hub_readiness(stores.index, engine))
        receive_mail = mail_receiver(settings, stores.intake(), *parts.mailboxes)
        doors = http_doors(settings, stores.intake(), receive_mail, health.readiness)
        app = build_app(replace(doors, mailboxes=parts.mailboxes))
        handler = parts.services.described_handler(settings, engine)
        events = EventGridDoor(
            {DESCRIBED: handler.on_event}, delivery_key=azure.event_grid.delivery_key
        )
        app.router.routes.append(events.route())
        has_keys = bool(doors.settings.keys)
        async with serving(app, server_settings(settings), has_keys=has_keys) as address:
            yield Container(url=address.url, health=health, background=background)


@asynccontextmanager
async def worker(
    settings: Settings, azure: AzureSettings, parts: AzureParts
) -> AsyncGenerator[Container]:
    """Work off queue, mailbox and orchestrations; its door answers for its health only."""
    services = parts.services
    async with contextlib.AsyncExitStack() as stack:
        engine = await stack.enter_async_context(_client(azure))
        health = Health(lambda: hub_readiness(services.stores.index, engine))
        address = await stack.enter_async_context(
            serving(health.app(), server_settings(settings), has_keys=True)
        )
        hub = TaskHubWorker(
            azure.scheduler,
            partial(_identity_of_threads, stack),
            ORCHESTRATORS,
            services.activities(settings).all(),
        )
        hub.start()
        stack.push_async_callback(hub.stop, azure.scheduler.drain_s)
        background = await stack.enter_async_context(Background())
        _begin(background, settings, parts, engine)
        yield Container(url=address.url, health=health, background=background)


def _begin(
    background: Background, settings: Settings, parts: AzureParts, engine: DurableClientEngine
) -> None:
    stores, every_s = parts.services.stores, settings.telemetry.measure_every_s
    dispatcher = parts.services.dispatcher(settings, engine)
    sweep = Sweep(intake=stores.intake(), engine=engine)
    background.run(pump_queue(stores.queue, dispatcher), name="queue")
    background.run(repeatedly(parts.jobs.tick, every_s=15), name="jobs")
    background.run(repeatedly(sweep.put_failed_aside, every_s=600), name="sweep")
    background.run(repeatedly(sweep.enqueue_forgotten, every_s=86_400), name="repair")
    background.run(measure_levels(stores.telemetry, stores.queue, every_s), name="levels")
    if parts.mailbox is not None:
        receive_mail = mail_receiver(settings, stores.intake(), *parts.mailboxes)
        poller = mailbox_poller(settings, stores, parts.mailbox, receive_mail)
        background.run(poller.run(), name="mailbox")


@asynccontextmanager
async def _client(azure: AzureSettings) -> AsyncGenerator[DurableClientEngine]:
    if not azure.scheduler.endpoint:
        raise SettingsError("MAIL_INGEST_SCHEDULER_ENDPOINT", "names no scheduler; set its URL.")
    async with scheduler_client(azure.scheduler, identity) as client:
        yield DurableClientEngine(client)


def _identity_of_threads(stack: contextlib.AsyncExitStack) -> TokenCredential:
    """durabletask's worker has threads, so it asks for tokens without an event loop. Closed with
    the stack.
    """
    from azure.identity import DefaultAzureCredential

    credential = DefaultAzureCredential()
    stack.callback(credential.close)
    return credential


async def serve(
    program: Program, settings: Settings, azure: AzureSettings, parts: AzureParts
) -> None:
    """Run a program until it is told to stop, or a part of it fails: StoppedError."""
    stop = Stop()
    try:
        async with program(settings, azure, parts) as container:
            logger.info("server started", extra={"action": "server_started"})
            failure = await stop.wait(container.background)
            container.health.stopping = True
            if failure is None:
                await asyncio.sleep(azure.scheduler.notice_s)
    finally:
        await parts.close()
    if failure is not None:
        raise failure


PROGRAMS: dict[str, Program] = {"intake": intake, "worker": worker}


def main(arguments: list[str]) -> int:
    """0 when it was told to stop, 1 with a sentence when it cannot serve."""
    if len(arguments) != 1 or arguments[0] not in PROGRAMS:
        sys.stderr.write("Say which program: intake or worker.\n")
        return 2
    try:
        settings, azure = Settings.read(), AzureSettings.read()
        log_to_stderr(settings.place.log_level)
        tell_odd_settings(settings, azure)
        warn_of_unknown_settings()
        asyncio.run(serve(PROGRAMS[arguments[0]], settings, azure, build(settings, azure)))
    except IngestError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
