from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx
import pytest
from starlette.responses import PlainTextResponse

from adapters.azure.graph_subscription import GraphSubscription
from host.wake_up import WakeUp
from shared.errors import SettingsError
from shared.settings.azure_mail import GraphSettings

ON = GraphSettings(
    mailbox="tips@newsroom.example",
    notification_url="https://ingest.newsroom.example/graph/notifications",
    notification_secret="nobody knows",
)


class Renewals:
    def __init__(self) -> None:
        self.count = 0

    async def keep(self, *, renew: bool = False) -> None:
        self.count += renew


class Looks:
    """A look that takes as long as the test says."""

    def __init__(self) -> None:
        self.count = 0
        self.end = asyncio.Event()

    async def __call__(self) -> None:
        self.count += 1
        await self.end.wait()


def wake_up(renewals: Renewals, settings: GraphSettings = ON) -> WakeUp:
    made = WakeUp.read(settings, cast("GraphSubscription", renewals))
    assert made is not None
    return made


def client(looks: Looks, renewals: Renewals) -> httpx.AsyncClient:
    app: Any = wake_up(renewals).beside(PlainTextResponse("the intake"), looks)
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="https://ingest.newsroom.example")


def news(**more: str) -> dict[str, list[dict[str, str]]]:
    return {"value": [{"clientState": "nobody knows", **more}]}


@pytest.mark.parametrize(
    "settings",
    [
        GraphSettings(),
        GraphSettings(mailbox="tips@newsroom.example"),
        GraphSettings(notification_url="https://ingest.newsroom.example/"),
    ],
)
def test_nobody_is_told_unless_the_settings_ask_for_it(settings: GraphSettings) -> None:
    assert WakeUp.read(settings, cast("GraphSubscription", Renewals())) is None


async def test_a_door_without_a_secret_is_not_opened() -> None:
    open_to_all = GraphSettings(mailbox="a@b.example", notification_url="https://b.example/g")
    with pytest.raises(SettingsError, match="NOTIFICATION_SECRET"):
        wake_up(Renewals(), open_to_all).beside(PlainTextResponse(""), Looks())


async def test_graph_is_answered_before_the_look_ends_and_one_look_runs_at_a_time() -> None:
    looks, renewals = Looks(), Renewals()
    async with client(looks, renewals) as graph:
        for _ in range(3):
            assert (await graph.post("/graph/notifications", json=news())).status_code == 202
        await asyncio.sleep(0)
        assert looks.count == 1
        looks.end.set()
        await asyncio.sleep(0.01)
        await graph.post("/graph/notifications", json=news())
        await asyncio.sleep(0.01)
    assert (looks.count, renewals.count) == (2, 0)


async def test_a_subscription_that_ends_is_renewed() -> None:
    looks, renewals = Looks(), Renewals()
    looks.end.set()
    async with client(looks, renewals) as graph:
        await graph.post(
            "/graph/notifications", json=news(lifecycleEvent="reauthorizationRequired")
        )
    assert renewals.count == 1


async def test_all_other_requests_go_to_the_intake() -> None:
    async with client(Looks(), Renewals()) as graph:
        assert (await graph.get("/graph/notifications")).text == "the intake"
        assert (await graph.post("/v1/emails")).text == "the intake"
