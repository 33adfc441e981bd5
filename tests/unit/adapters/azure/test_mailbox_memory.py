"""Large mails stream through: the process that reads a Graph mailbox stays small."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.graph import fake_graph
from tests.support.big_mails import one_large_video
from tests.support.graph import TOKEN

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator

PROJECT = Path(__file__).parents[4]
MIB = 1024 * 1024
ALLOWED = 64 * MIB
PARALLEL = 4

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")


@asynccontextmanager
async def reader(url: str, folder: Path) -> AsyncGenerator[Process]:
    arguments = ("-m", "tests.support.graph_reader_process", url, folder)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=PROJECT, stdin=PIPE, stdout=PIPE
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def poll(process: Process) -> int:
    """Let it look once; how many mails it worked off."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    return int(await process.stdout.readline())


def memory(process: Process, field: str) -> int:
    """VmRSS or VmHWM of a process, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def largest_mail(folder: Path) -> int:
    """The size of the largest mail that was stored."""
    return max(path.stat().st_size for path in folder.rglob("original.eml"))


@pytest.mark.parametrize(
    "size", [24 * MIB, pytest.param(150 * MIB, marks=pytest.mark.benchmark)], ids=["24", "150"]
)
async def test_four_large_mails_at_once_take_no_more_than_64_mb_of_memory(
    tmp_path: Path, size: int
) -> None:
    async with fake_graph(token=TOKEN) as graph, reader(graph.url, tmp_path) as process:
        graph.mailbox.deliver(partial(one_large_video, 100_000))
        assert await poll(process) == 1
        baseline = memory(process, "VmRSS")
        for _ in range(PARALLEL):
            graph.mailbox.deliver(partial(one_large_video, int(size / 1.37)))  # base64 is larger
        assert await poll(process) == PARALLEL
        grown = memory(process, "VmHWM") - baseline
        assert graph.throttle.most_at_once == PARALLEL
        assert len(graph.mailbox.folder("Processed")) == 1 + PARALLEL
    assert largest_mail(tmp_path) > size * 0.95
    assert grown <= ALLOWED, f"{grown / MIB:.1f} MiB"
    sys.stdout.write(f"{grown / MIB:.1f} MiB over {baseline / MIB:.1f}\n")
