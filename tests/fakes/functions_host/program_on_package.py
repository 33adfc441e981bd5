"""The host's process around a staged package: what `host` and its libraries are does not matter
here, because the app runs in a process that sees the package alone. The services are wherever the
settings say.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.azure.work_queue import ServiceBusWorkQueue
from host.logs import log_to_stderr
from shared.settings.azure import AzureSettings
from tests.fakes.functions_host.host import functions_host
from tests.fakes.functions_host.package import StagedPackage
from tests.support.graph import TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.functions_host.worker import CrashPoint

WHERE = "STAGED_PACKAGE"  # its app, its interpreter and the worker's library, a path a line


def serve(
    folder: Path, port: int, environment: Mapping[str, str], crash: CrashPoint | None
) -> None:
    """Be the process: serve until killed."""
    del crash
    settings = dict(environment)
    app, python, library = map(Path, settings.pop(WHERE).splitlines())
    package = StagedPackage(app=app, python=python, worker_library=library)
    os.environ.update(settings)
    log_to_stderr("WARNING")
    asyncio.run(_serve(folder, port, package, settings))


async def _serve(
    folder: Path, port: int, package: StagedPackage, settings: Mapping[str, str]
) -> None:
    queue = ServiceBusWorkQueue.open(AzureSettings.read().service_bus)
    async with functions_host(folder, port, queue, package=(package, settings, TOKEN)):
        await asyncio.Event().wait()
