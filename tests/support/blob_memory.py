"""A program that moves 200 MB through AzureBlobStore and prints how much memory that took."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from shared.settings.azure import StorageSettings
from tests.support.azure_services import azure_blob_store

_PIECE = bytes(range(256)) * 1000
_PIECES = 200_000_000 // len(_PIECE)


def _status(field: str) -> int:
    text = Path("/proc/self/status").read_text("ascii")
    return int(text.partition(f"{field}:")[2].split()[0]) * 1024


def _reset_peak() -> int:
    """Start to look for the peak anew; the memory in use now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


async def main(settings: StorageSettings) -> None:
    async with azure_blob_store(settings) as store:
        async with store.create("warm-up") as stream:
            await stream.write(_PIECE * 20)
        baseline = _reset_peak()
        async with store.create("large") as stream:
            for _ in range(_PIECES):
                await stream.write(_PIECE)
        up = _status("VmHWM") - baseline
        _reset_peak()
        size = 0
        async for chunk in store.read("large"):
            size += len(chunk)
        assert size == _PIECES * len(_PIECE)
        down = _status("VmHWM") - baseline
    sys.stdout.write(json.dumps({"up": up, "down": down}))


if __name__ == "__main__":
    asyncio.run(main(StorageSettings(connection_string=sys.argv[1], container=sys.argv[2])))
