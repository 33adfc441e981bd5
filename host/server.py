"""The one-machine host: everything in one event loop, started and stopped in order.

Started from the inside out (stores, engine, describer, queue, doors) and stopped the other way
round, so that nothing is taken in that nobody works on. Whatever is under way when the process dies
goes on after the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from host.background import Background
from host.data_folder import DataFolder
from host.doors import open_http_door, open_smtp_door
from host.intake import mail_receiver, mailbox_poller
from host.local import LocalParts, local_parts
from host.queue_pump import pump_queue
from host.rounds import repeatedly
from host.telemetry import measure_levels
from mail_ingest.sniff import require_libmagic
from shared.events import DESCRIBED
from shared.orchestrators import ORCHESTRATORS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.settings import Settings

_SWEEP_EVERY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A host that runs. The addresses are empty where a door is closed."""

    parts: LocalParts
    background: Background
    http_url: str = ""
    smtp_address: tuple[str, int] | None = None


@asynccontextmanager
async def running(settings: Settings, *, doors: bool = True) -> AsyncGenerator[Running]:
    """Run the host for as long as the block lasts; `doors` says whether HTTP and SMTP are served.

    Raises SettingsError and other IngestError with a sentence when it cannot be started.
    """
    folder = DataFolder.open(settings.place.data)
    await asyncio.to_thread(require_libmagic)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(folder.served())
        parts = await stack.enter_async_context(local_parts(settings, folder))
        background = await stack.enter_async_context(Background())
        _start_core(settings, parts, background)
        host = Running(parts=parts, background=background)
        if doors:
            receive_mail = mail_receiver(settings, parts.services.stores.intake())
            poller = mailbox_poller(settings, parts.services.stores, parts.mailbox, receive_mail)
            background.run(poller.run(), name="mailbox")
            smtp = await stack.enter_async_context(open_smtp_door(settings, folder, parts))
            url = await stack.enter_async_context(open_http_door(settings, parts, receive_mail))
            host = Running(parts=parts, background=background, http_url=url, smtp_address=smtp)
        yield host


def _start_core(settings: Settings, parts: LocalParts, background: Background) -> None:
    services = parts.services
    parts.engine.register(ORCHESTRATORS, services.activities(settings).all())
    parts.engine.start_worker()
    parts.pump.subscribe(DESCRIBED, services.described_handler(settings, parts.engine).on_event)
    background.run(parts.jobs.run(), name="describer")
    background.run(parts.pump.run(), name="events")
    dispatcher = services.dispatcher(settings, parts.engine)
    background.run(pump_queue(services.stores.queue, dispatcher), name="queue")
    telemetry, every_s = parts.telemetry, settings.telemetry.measure_every_s
    background.run(telemetry.run(timedelta(seconds=every_s)), name="metrics")
    background.run(measure_levels(telemetry, services.stores.queue, every_s), name="levels")
    sweep = services.sweep(parts.engine)
    background.run(repeatedly(sweep.put_failed_aside, every_s=_SWEEP_EVERY_S), name="sweep")
    background.run(repeatedly(sweep.repair, every_s=_SWEEP_EVERY_S), name="repair")
    digests = services.notices(settings).send_digests
    background.run(repeatedly(digests, every_s=_SWEEP_EVERY_S), name="digests")
