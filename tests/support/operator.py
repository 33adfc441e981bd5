"""An operator at a machine of their own: the command line with the services of Azure behind it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.settings.azure import StorageSettings

_OTHERS = ("MAIL_INGEST", "AZURE_", "IDENTITY_", "MSI_", "ServiceBus")


def command(settings: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command with these settings and none of this machine's."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(_OTHERS)}
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "host.cli", *words],
        env={**inherited, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def storage_environment(storage: StorageSettings) -> dict[str, str]:
    """The settings of a storage account that a connection string names."""
    return {
        "MAIL_INGEST_STORAGE_CONNECTION_STRING": storage.connection_string,
        "MAIL_INGEST_TABLE_PREFIX": storage.table_prefix,
        "MAIL_INGEST_BLOB_CONTAINER": storage.container,
    }
