"""``python -m tests.support.http_door_process FOLDER``: the door in a process of its own.

It prints its port and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.support.http_door import open_door


async def main(folder: Path) -> None:
    """Serve below `folder`."""
    async with open_door(folder) as door:
        sys.stdout.write(f"{door.port}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
