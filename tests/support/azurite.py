"""Azurite, Microsoft's emulator of Azure Storage, for as long as a test session lasts.

It saves what it was told every few seconds only: nothing that a test wrote survives a kill.
`make test` installs it where there is Node; else its tests are skipped.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.settings.azure import StorageSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROGRAM = Path(__file__).parents[2] / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at .*:(\d+)")
# The account and its key are published with Azurite: they open nothing but emulators.
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_numbers = count(1)


@dataclass(slots=True)
class Azurite:
    """One emulator. It keeps its ports and its data when it is stopped and started again."""

    folder: Path
    options: Sequence[str] = ()  # "--oauth basic --cert ... --key ..." makes it speak HTTPS
    ports: dict[str, int] = field(default_factory=lambda: {"Blob": 0, "Queue": 0, "Table": 0})
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it takes requests; 1-2 s."""
        self.process = subprocess.Popen(  # noqa: S603
            _command(self.folder, self.ports, self.options),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = ""
        while len(found := dict(_LISTENING.findall(said))) < len(self.ports):
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
            said += line
            assert line, f"Azurite does not start: {said}"
        self.ports = {service: int(port) for service, port in found.items()}

    def stop(self) -> None:
        """End it in good order, so that it saves its data."""
        if self.process is not None:
            self.process.terminate()
            self.process.communicate(timeout=30)
            self.process = None

    @property
    def scheme(self) -> str:
        return "https" if self.options else "http"

    def url(self, service: str) -> str:
        """The endpoint of a service: Blob, Queue or Table."""
        return f"{self.scheme}://127.0.0.1:{self.ports[service]}/{_ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """What every Azure SDK, and the Functions host, takes instead of an identity."""
        endpoints = "".join(f"{service}Endpoint={self.url(service)};" for service in self.ports)
        return (
            f"DefaultEndpointsProtocol={self.scheme};AccountName={_ACCOUNT};AccountKey={_KEY};"
            f"{endpoints}"
        )

    def settings(self) -> StorageSettings:
        """A container and tables that nobody else uses."""
        number = next(_numbers)
        return StorageSettings(
            connection_string=self.connection_string,
            container=f"container-{number}",
            table_prefix=f"tables{number}",
        )


def _command(folder: Path, ports: dict[str, int], options: Sequence[str]) -> list[str]:
    node = shutil.which("node")
    assert node is not None
    command = [node, str(_PROGRAM), "--silent", "--location", str(folder)]
    command += ["--skipApiVersionCheck", "--disableTelemetry", *options]
    for service, port in ports.items():
        name = service.lower()
        command += [f"--{name}Host", "127.0.0.1", f"--{name}Port", str(port)]
    return command


def require_azurite() -> None:
    """Skip the test where Azurite is not installed."""
    if not _PROGRAM.is_file() or shutil.which("node") is None:
        pytest.skip("Azurite is not installed; it takes Node.js with npm, then `make setup`.")


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """One emulator over HTTP for all tests of a worker; each takes `settings()` of its own."""
    require_azurite()
    emulator = Azurite(tmp_path_factory.mktemp("azurite"))
    emulator.start()
    yield emulator
    emulator.stop()
