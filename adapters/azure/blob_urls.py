"""URLs that carry a right to one blob for a while: shared access signatures (SAS).

They are signed with a user delegation key, which Azure gives to our identity for a few hours; with
the account key only where a connection string brought one, which is for emulators.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from adapters.azure.block_upload import SERVICE
from adapters.azure.errors import azure_errors_translated
from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from azure.storage.blob import BlobSasPermissions, UserDelegationKey
    from azure.storage.blob.aio import BlobClient, BlobServiceClient

    from shared.ports import Clock

_KEY_LIFETIME = timedelta(hours=6)
_CLOCKS_DIFFER_BY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUrl:
    """A URL with a right, and when that right ends."""

    url: str
    ends: datetime


class BlobUrls:
    """Signs URLs, with one delegation key for many."""

    def __init__(self, service: BlobServiceClient, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._key: UserDelegationKey | None = None
        self._key_ends: datetime | None = None
        self._turn = asyncio.Lock()

    async def signed(
        self, blob: BlobClient, permission: BlobSasPermissions, lifetime: timedelta
    ) -> SignedUrl:
        """The blob's URL with these rights, and no others, until `lifetime` (at most 5 h) is over.

        Raises ServiceUnavailableError.
        """
        from azure.storage.blob import generate_blob_sas

        now = self._clock.now()
        signature = generate_blob_sas(
            self._account_name(),
            blob.container_name,
            blob.blob_name,
            permission=permission,
            expiry=now + lifetime,
            protocol=urlsplit(blob.url).scheme,
            **await self._signing_key(now + lifetime, now),
        )
        return SignedUrl(url=f"{blob.url}?{signature}", ends=now + lifetime)

    def _account_name(self) -> str:
        name = self._service.account_name
        if name is None:
            raise ValueError(f"{self._service.url} names no storage account")
        return name

    async def _signing_key(self, until: datetime, now: datetime) -> dict[str, Any]:
        account_key = getattr(self._service.credential, "account_key", None)
        if account_key is not None:
            return {"account_key": account_key}
        async with self._turn:
            if self._key is None or self._key_ends is None or self._key_ends < until:
                ends = now + _KEY_LIFETIME
                self._key = await self._new_key(now - _CLOCKS_DIFFER_BY, ends)
                self._key_ends = ends
            return {"user_delegation_key": self._key}

    async def _new_key(self, begins: datetime, ends: datetime) -> UserDelegationKey:
        with azure_errors_translated(SERVICE):
            # Azurite gives this one answer no x-ms-request-id, so the key itself must tell Azure's
            # answer from a stranger's.
            key = await self._service.get_user_delegation_key(
                begins, ends, raw_response_hook=_whoever_answers
            )
        if not key.value:
            raise ServiceUnavailableError(SERVICE, "its answer holds no key to sign with")
        return key


def _whoever_answers(_response: object) -> None:
    """Replaces the hook that refuses strangers."""
