"""Tries every fault of every service and prints what came out: ``make fault-matrix``, an hour.

Each row is a program of its own (`row`) with a cloud of its own. Exit code 1 when something was
lost, answered twice or left unfinished.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from shared.codec import from_json
from tests.fault_matrix.row import SERVICES
from tests.fault_matrix.table import Cell, as_table

if TYPE_CHECKING:
    from collections.abc import Sequence


async def _matrix(services: Sequence[str], options: Sequence[str], at_once: int) -> list[Cell]:
    turns = asyncio.Semaphore(at_once)

    async def row(service: str) -> list[Cell]:
        async with turns:
            return await _row(service, options)

    return [cell for cells in await asyncio.gather(*map(row, services)) for cell in cells]


async def _row(service: str, options: Sequence[str]) -> list[Cell]:
    words = ("-m", "tests.fault_matrix.row", service, *options)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    cells = list[Cell]()
    async for line in process.stdout:
        cell = from_json(line, Cell, where="a row")
        cells.append(cell)
        sys.stderr.write(f"{cell.sentence()}\n")
    if await process.wait() != 0:
        raise SystemExit(f"The row of {service} has ended before its end.")
    return cells


def main() -> int:
    """Run all rows, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault_matrix")
    parser.add_argument("services", nargs="*", default=SERVICES)
    parser.add_argument("--at-once", type=int, default=2, help="rows at a time")
    parser.add_argument("--shape", default="containers", help="containers or functions")
    parser.add_argument("--count", default="100", help="submissions of each cell")
    parser.add_argument("--fault-s", default="30", help="seconds of bad weather")
    given = parser.parse_args()
    options = ("--shape", given.shape, "--count", given.count, "--fault-s", given.fault_s)
    cells = asyncio.run(_matrix(given.services, options, given.at_once))
    sys.stdout.write(as_table(cells))
    return 1 if any(cell.verdict.complaints for cell in cells) else 0


if __name__ == "__main__":
    sys.exit(main())
