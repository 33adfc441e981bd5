"""An operator who is signed in, and needs no key of the storage account."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.fakes.identity import fake_identity_endpoint
from tests.support.azurite import Azurite, require_azurite
from tests.support.certificates import self_signed
from tests.support.operator import command

if TYPE_CHECKING:
    from pathlib import Path


async def test_whoever_is_signed_in_needs_no_key(tmp_path: Path) -> None:
    require_azurite()
    certificate = self_signed(tmp_path, "localhost", "127.0.0.1")
    azurite = Azurite(tmp_path, certificate)
    azurite.start()
    async with fake_identity_endpoint() as identity:
        settings = identity.environment() | {
            "MAIL_INGEST_BLOB_URL": azurite.url("Blob"),
            # The SDK takes a local host that has a name for one of Cosmos DB.
            "MAIL_INGEST_TABLE_URL": azurite.url("Table").replace("localhost", "127.0.0.1"),
            "SSL_CERT_FILE": str(certificate.path),
        }
        listed = await asyncio.to_thread(command, settings, "status")
        one = await asyncio.to_thread(command, settings, "status", "mail-none")
    azurite.stop()

    assert (listed.stdout, listed.stderr) == ("There is no submission yet.\n", "")
    assert one.stderr == "mail-ingest: There is no submission with the ID mail-none.\n"
    assert identity.requests >= 2
