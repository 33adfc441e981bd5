"""Every service that the system has on Azure, on this machine, each behind weather of its own."""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shared.events import DESCRIBED
from shared.settings.azure import StorageSettings
from tests.fakes.arm import FakeArm, fake_arm
from tests.fakes.event_grid.deliveries import Subscription
from tests.fakes.event_grid.schedule import Schedule
from tests.fakes.event_grid.topic import KEY, Topic, topic
from tests.fakes.graph import FakeGraph, fake_graph
from tests.fakes.identity import fake_identity_endpoint
from tests.fakes.monitor.server import FakeMonitor, fake_monitor
from tests.fakes.third_party import FakeThirdParty, fake_third_party
from tests.support.arm_clients import APP_JOB, IMAGE, SUBSCRIPTION
from tests.support.azurite import Azurite
from tests.support.certificates import self_signed
from tests.support.cloud.receiver import Receiver, webhook_receiver
from tests.support.server_process import free_port
from tests.support.weather import HttpWeather, Weather, http_weather
from tests.support.weather.http import STORAGE_THROTTLED, Throttled
from tests.support.weather.scheduler import scheduler_weather
from tests.support.weather.service_bus import service_bus_weather

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

MAILBOX = "tips@newsroom.example"
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DELIVERY_KEY = "a delivery key"
_CONTAINER, _TABLE_PREFIX = "submissions", "newsroom"
_RETRIES = Schedule(scale=0.05)  # Event Grid's pauses: half a second at first, then longer


class Service(Protocol):
    """A service in whatever weather; `struck` counts what the weather has spoiled."""

    @property
    def weather(self) -> Weather: ...
    @weather.setter
    def weather(self, weather: Weather) -> None: ...
    @property
    def struck(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The services. `environment` is what a program of the system must see to use them; `tls`
    trusts them; `storage` leads an auditor to the storage account, past all weather.
    """

    door_port: int
    environment: Mapping[str, str]
    tls: ssl.SSLContext
    storage: StorageSettings
    services: Mapping[str, Service]
    hooks: HttpWeather
    deliveries: HttpWeather
    events: Topic
    arm: FakeArm
    monitor: FakeMonitor
    third_party: FakeThirdParty
    graph: FakeGraph
    receiver: Receiver

    @property
    def door(self) -> str:
        """Where the system is to serve HTTP."""
        return f"http://127.0.0.1:{self.door_port}"

    async def deliver_events_to(self, path: str) -> None:
        """Subscribe a path of the door to what describers tell."""
        subscription = Subscription(
            url=self.deliveries.url + path,
            types=frozenset({DESCRIBED}),
            headers={"X-Delivery-Key": DELIVERY_KEY},
        )
        await self.events.subscribe(subscription)


class _Services:
    """Starts services, each behind its weather; all of them end with the stack."""

    def __init__(self, stack: AsyncExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self.certificate = self_signed(folder, "localhost", "127.0.0.1")
        self.in_weather: dict[str, Service] = {}
        self.environment = {
            "SSL_CERT_FILE": str(self.certificate.path),
            "REQUESTS_CA_BUNDLE": str(self.certificate.path),
        }

    async def weather(
        self, name: str, target: str, *, tls: bool = True, throttled: Throttled | None = None
    ) -> HttpWeather:
        """Weather in front of an HTTP server, under a name of the matrix."""
        weather = await self._stack.enter_async_context(
            http_weather(
                target,
                certificate=self.certificate if tls else None,
                target_ssl=self.certificate.client_context(),
                throttled=throttled,
            )
        )
        self.in_weather[name] = weather
        return weather

    async def storage(self) -> StorageSettings:
        """Blob Storage and Table Storage; the settings of an auditor."""
        azurite = Azurite(self._folder / "azurite", self.certificate)
        await asyncio.to_thread(azurite.start)
        self._stack.push_async_callback(asyncio.to_thread, azurite.stop)
        blobs = await self.weather("Blob Storage", azurite.url("Blob"), throttled=STORAGE_THROTTLED)
        tables = await self.weather(
            "Table Storage", azurite.url("Table"), throttled=STORAGE_THROTTLED
        )
        self.environment |= {
            "MAIL_INGEST_BLOB_URL": blobs.url,
            # The SDK takes a localhost for an emulator of Cosmos DB, and asks for its tokens.
            "MAIL_INGEST_TABLE_URL": tables.url.replace("localhost", "127.0.0.1"),
            "MAIL_INGEST_BLOB_CONTAINER": _CONTAINER,
            "MAIL_INGEST_TABLE_PREFIX": _TABLE_PREFIX,
        }
        connection_string = azurite.connection_string
        for service in ("Blob", "Table"):
            way = await self._stack.enter_async_context(
                http_weather(azurite.url(service), target_ssl=self.certificate.client_context())
            )
            connection_string = connection_string.replace(azurite.url(service), way.url)
        return StorageSettings(
            connection_string=connection_string, container=_CONTAINER, table_prefix=_TABLE_PREFIX
        )

    async def identity(self) -> None:
        """Who the programs are."""
        endpoint = await self._stack.enter_async_context(fake_identity_endpoint())
        weather = await self.weather("managed identity", endpoint.url, tls=False)
        self.environment |= endpoint.environment(weather.url)

    async def messages(self) -> None:
        """Service Bus, and the Durable Task Scheduler."""
        bus = await self._stack.enter_async_context(service_bus_weather(self._folder))
        self.in_weather["Service Bus"] = bus
        self.environment["ServiceBusConnection"] = bus.connection_string
        scheduler = await self._stack.enter_async_context(scheduler_weather(self._folder))
        self.in_weather["Durable Task Scheduler"] = scheduler
        self.environment["MAIL_INGEST_SCHEDULER_ENDPOINT"] = scheduler.endpoint

    async def events(self) -> Topic:
        """Event Grid, as publishers see it."""
        events = await self._stack.enter_async_context(topic(_RETRIES))
        weather = await self.weather("Event Grid", events.url)
        self.environment |= {
            "MAIL_INGEST_EVENT_GRID_URL": f"{weather.url}/api/events",
            "MAIL_INGEST_EVENT_GRID_DELIVERY_KEY": DELIVERY_KEY,
            "MAIL_INGEST_JOBS_EVENT_URL": f"{weather.url}/api/events",
            "MAIL_INGEST_JOBS_EVENT_KEY": KEY,
        }
        return events

    async def third_party(self) -> FakeThirdParty:
        """Who describes."""
        third_party = await self._stack.enter_async_context(fake_third_party())
        weather = await self.weather("third party", third_party.url, tls=False)
        self.environment |= third_party.environment() | {
            "MAIL_INGEST_THIRD_PARTY_URL": weather.url,
            "MAIL_INGEST_DESCRIBER_WORKERS": "2",
        }
        return third_party

    async def containers(self) -> FakeArm:
        """Resource Manager, with the describer's image."""
        arm = await self._stack.enter_async_context(
            fake_arm({IMAGE: self._image()}, token="", scheme="https")
        )
        weather = await self.weather("Resource Manager", arm.url)
        self.environment |= {
            "MAIL_INGEST_JOBS": "container_instances",
            "MAIL_INGEST_JOBS_ARM_URL": weather.url,
            "MAIL_INGEST_JOBS_RESOURCE_GROUP": APP_JOB.resource_group,
            "MAIL_INGEST_JOBS_APP_JOB": APP_JOB.name,
            "MAIL_INGEST_JOBS_LOCATION": "westeurope",
            "MAIL_INGEST_JOBS_IMAGE": IMAGE,
            "MAIL_INGEST_JOBS_LOOK_S": "1",
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        }
        return arm

    async def mailbox(self) -> FakeGraph:
        """Graph, with the newsroom's mailbox."""
        graph = await self._stack.enter_async_context(fake_graph())
        weather = await self.weather("Graph", graph.url, tls=False)
        self.environment |= {
            "MAIL_INGEST_GRAPH_URL": weather.url,
            "MAIL_INGEST_GRAPH_MAILBOX": MAILBOX,
            "MAIL_INGEST_FROM_ADDRESS": MAILBOX,
        }
        return graph

    async def monitor(self) -> FakeMonitor:
        """Application Insights."""
        monitor = self._stack.enter_context(fake_monitor())
        weather = await self.weather("Azure Monitor", monitor.url)
        self.environment["APPLICATIONINSIGHTS_CONNECTION_STRING"] = monitor.connection_string_by(
            weather.url
        )
        return monitor

    async def receiver(self) -> tuple[Receiver, HttpWeather]:
        """Who gets webhooks."""
        receiver = await self._stack.enter_async_context(webhook_receiver())
        self.environment |= {
            "MAIL_INGEST_WEBHOOK_ALLOW": "127.0.0.1",
            "MAIL_INGEST_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        }
        return receiver, await self.weather("webhook receiver", receiver.url, tls=False)

    def _image(self) -> tuple[str, ...]:
        """The describer's image: what runs in it, and the certificates that it trusts."""
        trusted = f"SSL_CERT_FILE={self.certificate.path}"
        return ("env", trusted, sys.executable, "-m", "describer")


@asynccontextmanager
async def emulated_cloud(folder: Path) -> AsyncGenerator[Cloud]:
    """Run every service for as long as the block lasts; what they keep lies in `folder`."""
    async with AsyncExitStack() as stack:
        services = _Services(stack, folder)
        storage = await services.storage()
        await services.identity()
        await services.messages()
        events = await services.events()
        door_port = free_port()
        deliveries = await services.weather(
            "event delivery", f"http://127.0.0.1:{door_port}", tls=False
        )
        third_party = await services.third_party()
        arm = await services.containers()
        graph = await services.mailbox()
        monitor = await services.monitor()
        receiver, hooks = await services.receiver()
        yield Cloud(
            door_port=door_port,
            environment=services.environment,
            tls=services.certificate.client_context(),
            storage=storage,
            services=services.in_weather,
            hooks=hooks,
            deliveries=deliveries,
            events=events,
            arm=arm,
            monitor=monitor,
            third_party=third_party,
            graph=graph,
            receiver=receiver,
        )
