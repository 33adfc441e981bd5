"""``python -m host.containers intake`` or ``worker``: the programs of the containers (AKS).

At SIGTERM a program says that it is not ready, goes on for a moment until nobody sends it anything,
finishes what it has begun, and ends. Signals are heard before anything large is imported: the first
process of a container does not even get those that nobody listens for. What the programs do is in
host/programs.py.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

from describer.confinement.kernel import deny_inspection
from host.stopping import Stop
from shared.errors import IngestError

if TYPE_CHECKING:
    from host.azure import AzureParts
    from host.programs import Program
    from shared.settings import Settings
    from shared.settings.azure import AzureSettings

logger = logging.getLogger(__name__)

_NAMES = ("intake", "worker")
_CLOSING_S = 4.5  # after notice and drain: Kubernetes kills after 30 s in all


async def serve(
    stop: Stop, program: Program, settings: Settings, azure: AzureSettings, parts: AzureParts
) -> None:
    """Run a program until it is told to stop, or a part of it fails: StoppedError."""
    scheduler = azure.scheduler
    stop.end_within(scheduler.notice_s + scheduler.drain_s + _CLOSING_S)
    failure = None
    try:
        if not stop.told:
            async with program(settings, azure, parts) as container:
                logger.info("server started", extra={"action": "server_started"})
                nobody_knows_us = stop.told
                failure = await stop.wait(container.background)
                container.health.stopping = True
                if failure is None and not nobody_knows_us:
                    await asyncio.sleep(scheduler.notice_s)
    finally:
        await parts.close()
    if failure is not None:
        raise failure


def main(arguments: list[str]) -> int:
    """0 when it was told to stop, 1 with a sentence when it cannot serve."""
    if len(arguments) != 1 or arguments[0] not in _NAMES:
        sys.stderr.write("Say which program: intake or worker.\n")
        return 2
    deny_inspection()  # our environment holds secrets, and our children open files of strangers
    stop = Stop()
    try:
        _run(arguments[0], stop)
    except IngestError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    finally:
        stop.is_over()
    return 0


def _run(name: str, stop: Stop) -> None:
    from host.azure import build
    from host.logs import log_to_stderr
    from host.odd_settings import tell_odd_settings
    from host.programs import PROGRAMS
    from host.setting_names import warn_of_unknown_settings
    from shared.settings import Settings
    from shared.settings.azure import AzureSettings

    settings, azure = Settings.read(), AzureSettings.read()
    log_to_stderr(settings.place.log_level)
    tell_odd_settings(settings, azure)
    warn_of_unknown_settings()
    asyncio.run(serve(stop, PROGRAMS[name], settings, azure, build(settings, azure)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
