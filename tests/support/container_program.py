"""The worker's program in a process of its own, with one submission whose description takes long.

Arguments: a folder, the URL of a task hub, the port of its health, and how long a description takes
in seconds. It prints what it is at, a word a line.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, override

from host.containers import serve
from host.programs import worker
from host.stopping import Stop
from shared.tracing import NO_TELEMETRY
from tests.support.containers import DescribesAtOnce, parts_of, settings_of
from tests.support.core import WrittenDownReplies, a_submission
from tests.support.local_services import local_services

if TYPE_CHECKING:
    from shared.ports import DescriptionJob


class DescribesSlowly(DescribesAtOnce):
    """Takes its time, as a description beside the activity does."""

    seconds = 0.0

    @override
    async def start(self, job: DescriptionJob) -> None:
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        await asyncio.sleep(self.seconds)
        sys.stdout.write("ended\n")


async def main(folder: Path, hub: str, port: str, seconds: str) -> None:
    settings, azure = settings_of(
        hub,
        MAIL_INGEST_HTTP_PORT=port,
        MAIL_INGEST_DRAIN_NOTICE_S="1",
        MAIL_INGEST_DRAIN_S="3",
    )
    with local_services(folder) as services:
        jobs = DescribesSlowly(services)
        jobs.seconds = float(seconds)
        await services.intake.accept(a_submission())
        parts = parts_of(services, jobs, WrittenDownReplies(), NO_TELEMETRY)
        await serve(Stop(), worker, settings, azure, parts)
    sys.stdout.write("closed\n")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
