"""What lies behind a door that is held to openapi.yaml: it takes what the description describes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from adapters.web.address_guard import AddressGuard
from tests.support.http_door import MAIL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from http_intake.doors import CheckCallback, MailReference

DESCRIPTION = Path(__file__).parents[2] / "http_intake" / "openapi.yaml"


def only_described_callbacks() -> CheckCallback:
    """An address guard that takes what the description's pattern takes."""
    described = yaml.safe_load(DESCRIPTION.read_text("utf-8"))
    pattern = described["components"]["schemas"]["CallbackUrl"]["pattern"]

    async def check(url: str, _client: str) -> str | None:
        return None if re.fullmatch(pattern, url) else "It is no public https URL."

    return check


def take_described_callbacks() -> None:
    """Let every address guard of this process be such a one."""
    check = only_described_callbacks()

    async def check_url(self: AddressGuard, url: str, owner: str = "") -> str | None:
        del self
        return await check(url, owner)

    AddressGuard.check_url = check_url


async def fetch_any_mail(reference: MailReference) -> AsyncGenerator[bytes]:
    """A mailbox that has every message."""
    del reference

    async def chunks() -> AsyncGenerator[bytes]:
        yield MAIL

    return chunks()
