"""Large uploads stream through: the process that takes them stays small, whatever their size."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pybase64
import pytest

from tests.support.http_door import JPEG, MAIL, MP4
from tests.support.raw_http import FORM_END, FORM_TYPE, connected, form_part, head

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator, Callable, Iterator

PROJECT = Path(__file__).parents[3]
MIB = 1024 * 1024
ALLOWED = 32 * MIB
BLOCK = 57 * 4096  # a whole number of base64 lines

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")


@asynccontextmanager
async def door_process(folder: Path) -> AsyncGenerator[tuple[Process, int]]:
    """The door in another process, and its port."""
    arguments = ("-m", "tests.support.http_door_process", folder)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=PROJECT, stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


def memory(process: Process, field: str) -> int:
    """VmRSS or VmHWM of a process, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def large_form(size: int) -> Iterator[bytes]:
    """A form with one video of `size` bytes."""
    yield form_part("file", MP4, "long.mp4").removesuffix(b"\r\n")
    for _ in range(size // BLOCK):
        yield bytes(BLOCK)
    yield b"\r\n" + FORM_END


def large_mail(size: int) -> Iterator[bytes]:
    """A mail with one photo, `size` bytes as it is sent."""
    yield (
        b"From: ann@example.org\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/jpeg;"
        b" name=a.jpg\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    content = JPEG[:57] + bytes(BLOCK - 57)
    encoded = pybase64.encodebytes(content).replace(b"\n", b"\r\n")
    for _ in range(size // len(encoded)):
        yield encoded
    yield b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    "size", [64 * MIB, pytest.param(150 * MIB, marks=pytest.mark.benchmark)], ids=["64", "150"]
)
@pytest.mark.parametrize(
    ("path", "content_type", "warm_up", "body"),
    [
        ("/v1/submissions", FORM_TYPE, form_part("a", JPEG, "a.jpg") + FORM_END, large_form),
        ("/v1/emails", "message/rfc822", MAIL, large_mail),
    ],
    ids=["form", "mail"],
)
async def test_a_large_upload_takes_no_more_than_32_mb_of_memory(
    tmp_path: Path,
    path: str,
    content_type: str,
    warm_up: bytes,
    body: Callable[[int], Iterator[bytes]],
    size: int,
) -> None:
    async with door_process(tmp_path) as (process, port):
        await post(port, path, content_type, iter([warm_up]))
        baseline = memory(process, "VmRSS")
        await post(port, path, content_type, body(size))
        grown = memory(process, "VmHWM") - baseline
    assert largest_media(tmp_path) > size * 0.7
    assert grown <= ALLOWED, f"{grown / 2**20:.1f} MiB"


def largest_media(folder: Path) -> int:
    """The size of the largest media item that was stored."""
    return max(path.stat().st_size for path in folder.rglob("media/1/*"))


async def post(port: int, path: str, content_type: str, body: Iterator[bytes]) -> None:
    """Post a body whose length is not told before."""
    fields = {"Transfer_Encoding": "chunked", "Connection": "close"}
    async with connected(port) as connection:
        await connection.send(head("POST", path, Content_Type=content_type, **fields))
        for data in body:
            await connection.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await connection.send(b"0\r\n\r\n")
        answer = await connection.answer()
    assert answer.status == 202, answer.body
