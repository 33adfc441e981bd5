"""What is published describes a photo by itself: local models beside the app, and nothing else."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.functions.test_on_azure import Cloud, cloud, service_bus
from tests.support.functions_process import PHOTO, is_done
from tests.support.mails import mail, photo

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["cloud", "service_bus"]


@pytest.fixture
def describer_settings() -> Mapping[str, str]:
    """Inline and with local models, as without any setting."""
    return {}


async def test_a_mailed_photo_is_described_by_the_published_app(cloud: Cloud) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        accepted = await client.post(
            f"{cloud.app.url}/v1/emails",
            content=mail(photo(PHOTO)),
            headers={"content-type": "message/rfc822"},
        )
        assert accepted.status_code == 202, accepted.text
        status_url = accepted.json()["status_url"]
        async with asyncio.timeout(240):
            while not await asyncio.to_thread(is_done, status_url):
                await asyncio.sleep(0.2)
        outcome = (await client.get(status_url)).json()["outcome"]
    (item,) = outcome["media"]
    assert item["status"] == "described", json.dumps(outcome)
    assert [label["name"] for label in item["description"]["labels"]] == ["Egyptian Mau"]
