"""The Functions app with the ports of Azure in a process of its own: what it imports and indexes.

`python -m tests.support.azure_app` asks it for /health/live and prints what a test looks at.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
SETTINGS = {
    "MAIL_INGEST_BLOB_URL": "https://newsroom.blob.core.windows.net",
    "MAIL_INGEST_TABLE_URL": "https://newsroom.table.core.windows.net",
    "MAIL_INGEST_EVENT_GRID_URL": "https://newsroom.westeurope-1.eventgrid.azure.net",
    "MAIL_INGEST_GRAPH_MAILBOX": "tips@newsroom.example",
    "ServiceBusConnection__fullyQualifiedNamespace": "newsroom.servicebus.windows.net",
}


def look(**settings: str) -> dict[str, Any]:
    """`status` of /health/live, `at` what time, after how many seconds of `cpu`, and with how many
    `megabytes` it was answered, `modules`, and `triggers` by the function's name; or `error`.
    """
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.azure_app"],
        cwd=PROJECT,
        env=os.environ | SETTINGS | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


async def main() -> None:
    """Print what `look` gives."""
    from tests.fakes.functions_host.protos import Message, TypedData
    from tests.fakes.functions_host.worker import FunctionFailedError, Worker

    worker = Worker("{}")
    try:
        await worker.load(PROJECT)
    except FunctionFailedError as error:
        _say({"error": str(error)})
        return
    request = Message(
        method="GET",
        url="http://localhost/health/live",
        headers={"host": "localhost"},
        body=TypedData(bytes=b""),
        params={"path": "health/live"},
        query={},
    )
    answer = await worker.invoke(worker.functions["intake"], TypedData(http=request))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    triggers = {name: dict(it.trigger) for name, it in worker.functions.items()}
    _say(
        {
            "status": answer.http.status_code,
            "at": time.time(),
            "cpu": usage.ru_utime + usage.ru_stime,
            "megabytes": usage.ru_maxrss / 1024,
            "modules": sorted(sys.modules),
            "triggers": triggers,
        }
    )


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value))


if __name__ == "__main__":
    asyncio.run(main())
