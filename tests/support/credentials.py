"""Credentials as those of azure-identity, for SDKs that talk to emulators."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from azure.core.credentials import AccessToken

if TYPE_CHECKING:
    from types import TracebackType


class Credential:
    """What is the same of all: there is nothing to close. `get_token` is each one's own."""

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        pass


class FixedToken(Credential):
    """Signs in at once, and always with the same token."""

    def __init__(self, token: str) -> None:
        self.token = token

    async def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(self.token, int(time.time()) + 3600)
