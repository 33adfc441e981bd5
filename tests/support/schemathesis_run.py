"""schemathesis against an open door, with every check."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

from tests.support.described_door import DESCRIPTION
from tests.support.http_door import KEY


async def schemathesis(url: str, folder: Path, *options: str, examples: int = 10) -> None:
    """Run it, as the client of KEY. Raises AssertionError with its report when it finds
    something.
    """
    program = Path(sys.executable).with_name("schemathesis")
    arguments = (
        *("run", DESCRIPTION, "--url", url, "--header", f"Authorization: Bearer {KEY}"),
        *("--checks", "all", "--mode", "all", "--max-examples", str(examples)),
        *("--generation-deterministic", "--no-color", *options),
    )
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks",
        "PYTHONPATH": str(DESCRIPTION.parents[1]),
    }
    run = await asyncio.create_subprocess_exec(
        program, *arguments, cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await run.communicate()
    assert run.returncode == 0, output.decode("utf-8", "replace")[-20_000:]
