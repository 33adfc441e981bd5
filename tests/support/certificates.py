"""Self-signed certificates for TLS servers of tests, made by the ``openssl`` program."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import pytest


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    path: Path
    key: Path

    def client_context(self) -> ssl.SSLContext:
        """Trusts this certificate only, and does not look at the server's name."""
        context = ssl.create_default_context(cafile=self.path)
        context.check_hostname = False
        return context

    def server_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.path, self.key)
        return context


def self_signed(folder: Path, *names: str) -> Certificate:
    """A certificate for these DNS names and IPv4 addresses. Skips the test where there is no
    ``openssl``.
    """
    openssl = which("openssl")
    if openssl is None:
        pytest.skip("the openssl program is not installed")
    certificate = Certificate(folder / "certificate.pem", folder / "key.pem")
    command = [
        openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", f"/CN={names[0]}", "-days", "30",
        "-addext", "subjectAltName=" + ",".join(_alternative(name) for name in names),
        "-keyout", str(certificate.key), "-out", str(certificate.path),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    return certificate


def _alternative(name: str) -> str:
    kind = "IP" if name.replace(".", "").isdigit() else "DNS"
    return f"{kind}:{name}"
