"""What the triggers of the Functions app lead to; function_app.py only binds them.

The Functions host holds the lock of a queue message and delivers an event again when its function
raises, so here "no" is said by raising.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.azure.engine import DurableClientEngine
from host.buffered_body import in_pieces
from host.intake import http_doors, mail_receiver, mailbox_poller
from host.lazy import open_now
from host.readiness import app_readiness
from host.sweep import purge_ended
from host.telemetry import measure_level
from http_intake.app import build_app
from shared.errors import IngestError, SettingsError
from shared.events import DESCRIBED, rfc3339
from shared.model import CloudEvent
from shared.ports import QueuedMessage
from shared.tracing import TRACEPARENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    import azure.functions as func
    from durabletask.client import AsyncTaskHubGrpcClient
    from starlette.types import ASGIApp

    from host.azure import AzureParts
    from host.sweep import Sweep
    from shared.activities import Activity
    from shared.ports import WorkQueue
    from shared.settings import Settings


class ComeAgainError(IngestError):
    """Told to the Functions host: deliver this once more."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The {what} could not be taken yet, and is to be delivered again.")
        self.what = what


class Functions:
    """The side of the triggers that holds no SDK type but what a trigger hands over."""

    def __init__(self, settings: Settings, parts: AzureParts) -> None:
        self._settings = settings
        self._services = parts.services
        self._parts = parts
        stores = parts.services.stores
        self._intake = stores.intake()
        self._receive_mail = mail_receiver(settings, self._intake, *parts.mailboxes)

    def http(self) -> ASGIApp:
        """The HTTP door. Without keys it answers programs of this machine only, so a public address
        needs keys: raises SettingsError.
        """
        parts = self._parts
        doors = http_doors(
            self._settings, self._intake, self._receive_mail, lambda: app_readiness(parts)
        )
        door = parts.logic_app.admitted(doors.settings) if parts.logic_app else doors.settings
        if self._settings.http.public_url and not door.knows_clients:
            raise SettingsError(
                "MAIL_INGEST_KEYS",
                "MAIL_INGEST_PUBLIC_URL is set, and no keys are. `mail-ingest key NAME` makes one.",
            )
        if not door.public_base_url and door.knows_clients and self._settings.http.site_hostname:
            # Not without keys: then a name of ours would let in whoever calls by it.
            door = replace(door, public_base_url=f"https://{self._settings.http.site_hostname}")
        doors = replace(doors, settings=door, mailboxes=parts.mailboxes, uploads=parts.uploads)
        app = build_app(doors)
        return in_pieces(parts.wake_up.beside(app, self._take_mail) if parts.wake_up else app)

    def activities(self) -> dict[str, Activity]:
        """The side effects, by name. Raises SettingsError for rules that cannot be read."""
        return self._services.activities(self._settings).all()

    async def dispatch(
        self, message: func.ServiceBusMessage, client: AsyncTaskHubGrpcClient
    ) -> None:
        """Start what a queue message names; raises ComeAgainError when it must be redelivered."""
        dispatcher = self._services.dispatcher(self._settings, DurableClientEngine(client))
        settlement = HostSettlement(queue=self._services.stores.queue)
        await replace(dispatcher, queue=settlement).dispatch(
            QueuedMessage(
                message_id=message.message_id,
                body=message.get_body(),
                delivery_count=message.delivery_count or 1,
                lock_token=message.lock_token or "",
                application_properties=message.application_properties or {},
            )
        )

    async def described(self, event: func.CloudEvent, client: AsyncTaskHubGrpcClient) -> None:
        """Wake the instance that waits for a description; raises ComeAgainError when it is not
        there yet. Events of other types are none of ours.
        """
        if event.type != DESCRIBED:
            return
        engine = DurableClientEngine(client)
        handler = self._services.described_handler(self._settings, engine)
        if not await handler.on_event(_cloud_event(event)):
            raise ComeAgainError("event")

    async def poll(self) -> None:
        """Take what waits in the mailbox, if there is one, and stay subscribed to its news."""
        self._begin_to_tell()
        if self._parts.wake_up is not None:
            await self._parts.wake_up.subscription.keep()
        await self._take_mail()

    async def look_after_jobs(self) -> None:
        """Give description jobs their next attempts, and settle those that have ended."""
        self._begin_to_tell()
        await self._parts.jobs.tick()

    async def sweep(self, client: AsyncTaskHubGrpcClient) -> None:
        """Say how many submissions wait to be started, and put failed ones aside, visibly."""
        stores = self._services.stores
        await measure_level(stores.telemetry, stores.queue)
        await self._sweep(client).put_failed_aside()
        engine, keep_days = DurableClientEngine(client), self._parts.keep_instances_days
        await purge_ended(engine, stores.clock, keep_days=keep_days)

    async def repair(self, client: AsyncTaskHubGrpcClient) -> None:
        """Queue the submissions whose intake a crash cut short, and nobody sent again; and send the
        desk what was kept for its digests.
        """
        await self._sweep(client).repair()
        await self._services.notices(self._settings).send_digests()

    def _begin_to_tell(self) -> None:
        """The facts of a log line reach Application Insights by our telemetry only, which a step
        that measures nothing would never open.
        """
        open_now(self._services.stores.telemetry)

    async def _take_mail(self) -> None:
        if self._parts.mailbox is not None:
            stores = self._services.stores
            poller = mailbox_poller(self._settings, stores, self._parts.mailbox, self._receive_mail)
            await poller.poll_once()

    def _sweep(self, client: AsyncTaskHubGrpcClient) -> Sweep:
        return self._services.sweep(DurableClientEngine(client))


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettlement:
    """How a message is settled whose lock the Functions host holds: a function that returns
    completes it, one that raises gives it back. New messages go into the queue that it came from.
    """

    queue: WorkQueue

    async def send(
        self,
        message_id: str,
        body: bytes,
        *,
        application_properties: Mapping[str, str] | None = None,
    ) -> None:
        """Enqueue; durable on return. A message_id that was sent before is ignored."""
        await self.queue.send(message_id, body, application_properties=application_properties)

    async def complete(self, message: QueuedMessage) -> None:
        """The function returns."""

    async def abandon(self, message: QueuedMessage, *, delay_s: float = 0.0) -> None:
        """Raises ComeAgainError after the delay, because the host redelivers at once; meanwhile it
        renews the lock.
        """
        await asyncio.sleep(delay_s)
        raise ComeAgainError("message")

    async def dead_letter(self, message: QueuedMessage, *, reason: str, description: str) -> None:
        """The function returns: the index says that and why it was put aside, and whoever gives it
        another chance sends a new message. If not even the index can be written, the function
        raises, and after its last delivery Service Bus dead-letters the message.
        """


def _cloud_event(event: func.CloudEvent) -> CloudEvent:
    return CloudEvent(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject or "",
        time=rfc3339(event.time) if event.time else "",
        data=event.get_json(),
        traceparent=event.extension_attrs.get(TRACEPARENT),
    )
