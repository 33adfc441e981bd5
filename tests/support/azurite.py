"""Azurite, Microsoft's emulator of Azure Storage, for as long as a test session lasts.

It saves what it was told every few seconds only: nothing that a test wrote survives a kill.
`make test` installs it where there is Node; else its tests are skipped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from azure.core.credentials import AccessToken

from shared.settings.azure import StorageSettings
from tests.support.certificates import Certificate, self_signed
from tests.support.credentials import Credential
from tests.support.server_process import free_port

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_PROGRAM = Path(__file__).parents[2] / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening")
# The account and its key are published with Azurite: they open nothing but emulators.
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_MISSING = "Azurite is not installed; it takes Node.js with npm, then `make setup`."
_numbers = count(1)


@dataclass(slots=True)
class Azurite:
    """One emulator. It keeps its ports and its data when it is stopped and started again."""

    folder: Path
    certificate: Certificate | None = None  # with one it speaks HTTPS, and takes tokens too
    ports: dict[str, int] = field(
        default_factory=lambda: {name: free_port() for name in ("Blob", "Queue", "Table")}
    )
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it takes requests; 1-2 s."""
        self.process = subprocess.Popen(  # noqa: S603
            self._command(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment(),
        )
        said = ""
        while len(set(_LISTENING.findall(said))) < len(self.ports):
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
            said += line
            assert line, f"Azurite does not start: {said}"

    def stop(self) -> None:
        """End it in good order, so that it saves its data."""
        if self.process is not None:
            self.process.terminate()
            self.process.communicate(timeout=30)
            self.process = None

    def url(self, service: str) -> str:
        """The endpoint of a service: Blob, Queue or Table."""
        base = "https://localhost" if self.certificate else "http://127.0.0.1"
        return f"{base}:{self.ports[service]}/{_ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """What every Azure SDK, and the Functions host, takes instead of an identity."""
        endpoints = "".join(f"{service}Endpoint={self.url(service)};" for service in self.ports)
        return f"AccountName={_ACCOUNT};AccountKey={_KEY};{endpoints}"

    def settings(self, **other_ports: int) -> StorageSettings:
        """A container and tables that nobody else uses; a service may be reached by another port,
        such as ``Blob=proxy.port``.
        """
        number = next(_numbers)
        connection_string = self.connection_string
        for service, port in other_ports.items():
            connection_string = connection_string.replace(f":{self.ports[service]}/", f":{port}/")
        return StorageSettings(
            connection_string=connection_string,
            container=f"container-{number}",
            table_prefix=f"tables{number}",
        )

    def _environment(self) -> dict[str, str]:
        """To copy a blob it reads the source's URL itself, and must trust its own certificate."""
        trusted = {"NODE_EXTRA_CA_CERTS": str(self.certificate.path)} if self.certificate else {}
        return os.environ | trusted

    def _command(self) -> list[str]:
        node = shutil.which("node")
        assert node is not None
        command = [node, str(_PROGRAM), "--silent", "--location", str(self.folder)]
        command += ["--skipApiVersionCheck", "--disableTelemetry"]
        for service, port in self.ports.items():
            name = service.lower()
            command += [f"--{name}Host", "127.0.0.1", f"--{name}Port", str(port)]
        if self.certificate is not None:
            command += ["--oauth", "basic"]
            command += ["--cert", str(self.certificate.path), "--key", str(self.certificate.key)]
        return command


def token_for(resource: str, *, lives_s: int = 3600) -> AccessToken:
    """A token for a resource, such as ``https://storage.azure.com``. Azurite looks at what it says,
    not at its signature.
    """
    now = int(time.time())
    tenant = "11111111-1111-1111-1111-111111111111"
    claims = {
        "iss": f"https://sts.windows.net/{tenant}/",
        "aud": resource,
        "iat": now - 10,
        "nbf": now - 10,
        "exp": now + lives_s,
        "oid": "22222222-2222-2222-2222-222222222222",
        "tid": tenant,
    }
    parts = ({"alg": "HS256", "typ": "JWT"}, claims, "no signature")
    encoded = (urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return AccessToken(b".".join(encoded).decode(), now + lives_s)


class Identity(Credential):
    """A credential whose tokens Azurite takes."""

    async def get_token(self, *scopes: str, **_options: object) -> AccessToken:
        return token_for(scopes[0].removesuffix("/.default"))


def require_azurite() -> None:
    """Skip the test where Azurite is not installed."""
    if not _PROGRAM.is_file() or shutil.which("node") is None:
        pytest.skip(_MISSING)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of Azurite that is missing in one line, not in one for each test."""
    report = yield
    if report.skipped and _MISSING in str(report.longrepr):
        line = require_azurite.__code__.co_firstlineno
        report.longrepr = (__file__, line, f"Skipped: {_MISSING}")
    return report


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """One emulator over HTTP for all tests of a worker; each takes `settings()` of its own."""
    require_azurite()
    emulator = Azurite(tmp_path_factory.mktemp("azurite"))
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def secure_azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """One over HTTPS that takes the tokens of an `Identity`."""
    require_azurite()
    folder = tmp_path_factory.mktemp("secure-azurite")
    emulator = Azurite(folder, self_signed(folder, "localhost"))
    emulator.start()
    yield emulator
    emulator.stop()
