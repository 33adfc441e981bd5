"""An operator's view of what was given up, with the services of Azure behind the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from adapters.azure.work_queue import ServiceBusWorkQueue
from tests.support.service_bus import ServiceBusProcess

if TYPE_CHECKING:
    from pathlib import Path

    from shared.settings.azure import StorageSettings
    from tests.support.azurite import Azurite


async def test_what_the_queue_gave_up_is_listed_and_taken_up_again(
    azurite: Azurite, tmp_path: Path
) -> None:
    bus, storage = ServiceBusProcess(tmp_path), azurite.settings()
    bus.start()
    queue = ServiceBusWorkQueue.open(bus.settings)
    try:
        await queue.send("mail-one", b"{}")
        (message,) = await queue.receive(max_messages=1, max_wait_s=5)
        await queue.dead_letter(message, reason="StorageCorruptError", description="No record.")

        listed = command(bus, storage, "list", "--json")
        resubmitted = command(bus, storage, "resubmit", "mail-one")
        again = command(bus, storage, "resubmit", "mail-one")
        empty = command(bus, storage, "list")
        (copy,) = await queue.receive(max_messages=1, max_wait_s=5)
    finally:
        await queue.close()
        bus.kill()

    entry = json.loads(listed.stdout)
    assert (entry["submission_id"], entry["reason"]) == ("mail-one", "No record.")
    assert resubmitted.stdout == "mail-one will be taken up again by the server.\n"
    assert again.returncode == 1
    assert "Nothing with the ID mail-one was given up." in again.stderr
    assert empty.stdout == "Nothing was given up.\n"
    assert copy.message_id.startswith("mail-one#")
    assert {done.stderr for done in (listed, resubmitted, empty)} == {""}


def command(
    bus: ServiceBusProcess, storage: StorageSettings, *words: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as an operator does."""
    ours = {name: value for name, value in os.environ.items() if "MAIL_INGEST" not in name}
    environment = ours | {
        "MAIL_INGEST_STORAGE_CONNECTION_STRING": storage.connection_string,
        "MAIL_INGEST_TABLE_PREFIX": storage.table_prefix,
        "MAIL_INGEST_BLOB_CONTAINER": storage.container,
        "ServiceBusConnection": bus.connection_string,
        "MAIL_INGEST_QUEUE": bus.queue,
    }
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "host.cli", "dead-letters", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
