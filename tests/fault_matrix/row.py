"""One row of the matrix, a line of JSON for each cell: ``python -m tests.fault_matrix.row NAME``.

The cells share a cloud, and the programs on it; after a cell that went wrong both are new.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from shared.codec import to_json
from tests.fault_matrix.table import Cell
from tests.support.cloud.faults import FAULTS, Trial, tried
from tests.support.cloud.programs import Shape, running_system
from tests.support.cloud.services import emulated_cloud

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.weather import Weather

SERVICES = (
    *("Blob Storage", "Table Storage", "Service Bus", "Durable Task Scheduler", "Event Grid"),
    *("event delivery", "Resource Manager", "managed identity", "Azure Monitor", "Graph"),
    *("third party", "webhook receiver"),
)
# Answers are tried again for days; here sooner, so that the end of a fault is seen in minutes.
_SETTINGS = {"MAIL_INGEST_REPLY_DELAYS_S": "5,10,20,30,60,60,60"}


async def _row(service: str, faults: Sequence[Weather], shape: Shape, trial: Trial) -> None:
    left = list(faults)
    numbers = count(0, trial.count)
    while left:
        with tempfile.TemporaryDirectory(prefix="cloud-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            async with (
                emulated_cloud(folder) as cloud,
                running_system(cloud, shape, folder, **_SETTINGS) as system,
            ):
                cell = None
                while left and not (cell and cell.verdict.complaints):
                    weather = left.pop(0)
                    verdict = await tried(
                        cloud, system, service, weather, trial, first=next(numbers)
                    )
                    cell = Cell(service=service, weather=weather, verdict=verdict)
                    sys.stdout.write(f"{to_json(cell).decode()}\n")
                    sys.stdout.flush()


def main() -> None:
    """Try all faults of a service."""
    parser = argparse.ArgumentParser()
    parser.add_argument("service")
    parser.add_argument("--weather", nargs="*", default=list(FAULTS))
    parser.add_argument("--shape", type=Shape, default=Shape.CONTAINERS)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--fault-s", type=float, default=30)
    given = parser.parse_args()
    trial = Trial(count=given.count, load_s=given.fault_s + 10, fault_s=given.fault_s)
    faults = [each for each in FAULTS if each in given.weather]
    asyncio.run(_row(given.service, faults, given.shape, trial))


if __name__ == "__main__":
    main()
