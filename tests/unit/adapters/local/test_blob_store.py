"""What only the store of folders promises: full disks, killed processes, flat memory, names."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.local import blob_store
from adapters.local.blob_names import path_of
from adapters.local.blob_store import LocalBlobStore
from shared.errors import StorageFullError
from tests.support.local_services import local_blob_store

if TYPE_CHECKING:
    from collections.abc import Generator

PROJECT = Path(__file__).parents[4]
MIB = 1024 * 1024


@pytest.fixture
def blobs(tmp_path: Path) -> Generator[LocalBlobStore]:
    with local_blob_store(tmp_path) as store:
        yield store


def files(folder: Path) -> list[str]:
    """Every file below a folder, half-written ones too, but not the lock."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]
    return sorted(path.relative_to(folder).as_posix() for path in found)


async def test_a_name_is_a_path_that_people_can_read(blobs: LocalBlobStore, tmp_path: Path) -> None:
    await blobs.put("submissions/mail-1/media/1/Øre 1.jpg", b"x")

    assert files(tmp_path) == ["blobs/submissions/mail-1/media/1/Øre 1.jpg"]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/.b", "a/%2Eb"),
        ("100%", "100%25"),
        ("a\\b", "a%5Cb"),
        ("a\tb", "a%09b"),
        ("x" * 240, "x" * 240),
        ("x" * 241, "x" * 240 + "%/x"),
        ("x" * 239 + "é", "x" * 239 + "%/é"),
    ],
)
def test_what_a_file_system_cannot_hold_is_escaped(name: str, path: str) -> None:
    assert path_of(Path("/root"), name) == Path("/root") / path


async def test_a_full_disk_leaves_nothing_behind(
    blobs: LocalBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(file: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file, len(data))

    async def stream() -> None:
        async with blobs.create("stream") as writer:
            for _ in range(10):
                await writer.write(b"x" * MIB)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", no_space)
        for attempt in (blobs.put("put", b"x"), blobs.put_new("new", b"x"), stream()):
            with pytest.raises(StorageFullError, match="Free some space"):
                await attempt

    assert files(tmp_path) == []
    await blobs.put("put", b"x")


async def test_media_leave_room_for_what_says_that_they_were_taken(
    blobs: LocalBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_store, "KEPT_FREE_BYTES", shutil.disk_usage(tmp_path).total + 1)

    with pytest.raises(StorageFullError):
        async with blobs.create("media") as stream:
            await stream.write(b"x")
    await blobs.put("outcome", b"x")
    assert await blobs.put_new("record", b"x")

    assert files(tmp_path) == ["blobs/outcome", "blobs/record"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
async def test_a_disk_that_is_really_full_is_said(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = await asyncio.to_thread(
        subprocess.run, ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        with local_blob_store(disk) as blobs:
            await blobs.put("small", b"x" * 1000)
            with pytest.raises(StorageFullError):
                await blobs.put("large", b"x" * 2 * MIB)
            assert files(disk) == ["blobs/small"]
            await blobs.put("next", b"x")
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", disk], check=True)


async def test_what_a_killed_process_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from adapters.local.blob_store import LocalBlobStore\n"
        "async def main():\n"
        "    store = LocalBlobStore(Path(sys.argv[1]) / 'blobs')\n"
        "    async with store.create('half') as writer:\n"
        "        await writer.write(b'x' * 1_000_000)\n"
        "        await writer.write(b'x' * 1_000_000)\n"
        "        print('ready', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(tmp_path)), stdout=subprocess.PIPE, cwd=PROJECT
    )
    assert process.stdout is not None
    await process.stdout.readline()
    with local_blob_store(tmp_path):
        assert len(files(tmp_path)) == 1, "what a living process writes is left alone"
    process.kill()
    await process.communicate()

    with local_blob_store(tmp_path):
        assert files(tmp_path) == []


async def test_of_two_processes_one_takes_a_new_name(tmp_path: Path) -> None:
    with local_blob_store(tmp_path) as one, local_blob_store(tmp_path) as other:
        won = await asyncio.gather(
            *(store.put_new("record", b"x") for store in (one, other) for _ in range(5))
        )

    assert won.count(True) == 1


async def test_a_folder_that_is_emptied_meanwhile_is_made_again(blobs: LocalBlobStore) -> None:
    async def come_and_go(number: int) -> None:
        for _ in range(20):
            await blobs.put(f"folder/below/{number}", b"x")
            await blobs.delete_prefix(f"folder/below/{number}")

    await asyncio.gather(*(come_and_go(number) for number in range(4)))


async def test_a_large_blob_is_written_and_read_in_little_memory(blobs: LocalBlobStore) -> None:
    chunk = os.urandom(64 * 1024)
    tracemalloc.start()
    try:
        async with blobs.create("large") as stream:
            for _ in range(24 * 16):
                await stream.write(chunk)
        size = sum([len(part) async for part in blobs.read("large")])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size == 24 * MIB
    assert peak < 6 * MIB
