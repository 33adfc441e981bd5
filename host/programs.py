"""What the containers (AKS) do, always awake, on the Durable Task Scheduler.

`intake` takes submissions, and the events that Event Grid delivers; `worker` works off the queue,
the mailbox and the orchestrations. Each may run any number of times. Not here: how they are started
and ended (host/containers.py).
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from adapters.azure.engine import DurableClientEngine
from adapters.azure.scheduler import scheduler_client
from adapters.azure.task_hub_worker import TaskHubWorker
from adapters.web.event_grid import EventGridDoor
from host.azure import identity
from host.azure_imports import late_imports
from host.background import Background
from host.health import Health
from host.intake import http_doors, mail_receiver, mailbox_poller, server_settings
from host.lazy import imported, open_now
from host.queue_pump import pump_queue
from host.readiness import hub_readiness
from host.rounds import repeatedly
from host.sweep import purge_ended
from host.telemetry import measure_levels
from http_intake.app import build_app
from http_intake.serving import serving
from shared.errors import SettingsError
from shared.events import DESCRIBED
from shared.orchestrators import ORCHESTRATORS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager

    from azure.core.credentials import TokenCredential

    from host.azure import AzureParts
    from host.services import Stores
    from http_intake.serving import ServerSettings
    from shared.settings import Settings
    from shared.settings.azure import AzureSettings

    type Program = Callable[
        [Settings, AzureSettings, AzureParts], AbstractAsyncContextManager[Container]
    ]


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
    await _prepare(azure, stores)
    async with _client(azure) as engine, Background() as background:
        health = Health(lambda: hub_readiness(stores.index, engine))
        receive_mail = mail_receiver(settings, stores.intake(), *parts.mailboxes)
        doors = http_doors(settings, stores.intake(), receive_mail, health.readiness)
        app = build_app(replace(doors, mailboxes=parts.mailboxes, uploads=parts.uploads))
        handler = parts.services.described_handler(settings, engine)
        events = EventGridDoor(
            {DESCRIBED: handler.on_event}, delivery_key=azure.event_grid.delivery_key
        )
        app.router.routes.append(events.route())
        has_keys = bool(doors.settings.keys)
        server = _stopping_in_time(server_settings(settings), azure)
        has_name = bool(settings.http.public_url)
        async with serving(app, server, has_keys=has_keys, has_name=has_name) as address:
            yield Container(url=address.url, health=health, background=background)


@asynccontextmanager
async def worker(
    settings: Settings, azure: AzureSettings, parts: AzureParts
) -> AsyncGenerator[Container]:
    """Work off queue, mailbox and orchestrations; its door answers for its health only."""
    services = parts.services
    await _prepare(azure, services.stores)
    open_now(services.stores.replies, parts.jobs, parts.mailbox)
    async with contextlib.AsyncExitStack() as stack:
        engine = await stack.enter_async_context(_client(azure))
        health = Health(lambda: hub_readiness(services.stores.index, engine))
        server = _stopping_in_time(server_settings(settings), azure)
        address = await stack.enter_async_context(serving(health.app(), server, has_keys=True))
        hub = TaskHubWorker(
            azure.scheduler,
            partial(_identity_of_threads, stack),
            ORCHESTRATORS,
            services.activities(settings).all(),
        )
        background = await stack.enter_async_context(Background())
        stack.push_async_callback(_drain, hub, background, azure.scheduler.drain_s)
        hub.start()
        _begin(background, settings, azure, parts, engine)
        yield Container(url=address.url, health=health, background=background)


async def _drain(hub: TaskHubWorker, background: Background, within_s: float) -> None:
    """Both at once, so that none takes the other's time."""
    await asyncio.gather(hub.stop(within_s), background.stop(within_s))


def _stopping_in_time(server: ServerSettings, azure: AzureSettings) -> ServerSettings:
    return replace(server, stop_s=min(server.stop_s, int(azure.scheduler.drain_s)))


async def _prepare(azure: AzureSettings, stores: Stores) -> None:
    """Nobody waits for us yet: import, and open, what would hold up the first who did. Raises
    SettingsError.
    """
    await imported(late_imports(azure))
    open_now(stores.telemetry, stores.blobs, stores.index, stores.queue, stores.publisher)


def _begin(
    background: Background,
    settings: Settings,
    azure: AzureSettings,
    parts: AzureParts,
    engine: DurableClientEngine,
) -> None:
    stores, every_s = parts.services.stores, settings.telemetry.measure_every_s
    dispatcher = parts.services.dispatcher(settings, engine)
    sweep = parts.services.sweep(engine)
    background.run(pump_queue(stores.queue, dispatcher), name="queue")
    background.run(repeatedly(parts.jobs.tick, every_s=azure.jobs.look_s), name="jobs")
    background.run(repeatedly(sweep.put_failed_aside, every_s=600), name="sweep")
    forget = partial(purge_ended, engine, stores.clock, keep_days=parts.keep_instances_days)
    background.run(repeatedly(forget, every_s=600), name="purge")
    background.run(repeatedly(sweep.repair, every_s=600), name="repair")
    digests = parts.services.notices(settings).send_digests
    background.run(repeatedly(digests, every_s=600), name="digests")
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


PROGRAMS: dict[str, Program] = {"intake": intake, "worker": worker}
