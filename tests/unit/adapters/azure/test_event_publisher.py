"""What the Event Grid publisher does about faults, and about events that are too large."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.azure.event_publisher import EventGridPublisher
from shared.errors import AccessRefusedError, ServiceUnavailableError, SettingsError
from shared.events import COMPLETED
from shared.model import CloudEvent
from shared.settings.azure import EventGridSettings
from tests.fakes.event_grid.topic import KEY, Topic, topic

EVENT = CloudEvent(
    id="submission.completed.v1:mail-1",
    source="/mail_ingest",
    type=COMPLETED,
    subject="submissions/mail-1",
    time="2026-11-24T12:00:00.125Z",
    data={"submission_id": "mail-1", "status": "completed", "revision": 2},
)


def opened(running: Topic, *, key: str = KEY, namespace_topic: str = "") -> EventGridPublisher:
    path = "" if namespace_topic else "/api/events"
    return EventGridPublisher.open(
        EventGridSettings(url=f"{running.url}{path}", key=key, namespace_topic=namespace_topic)
    )


@pytest.mark.parametrize("namespace_topic", ["", "submissions"])
async def test_an_outcome_that_is_too_large_is_told_by_its_blob(namespace_topic: str) -> None:
    large = replace(EVENT, data={**EVENT.data, "media": ["\u00d8" * 600_000]})
    async with topic() as running:
        publisher = opened(running, namespace_topic=namespace_topic)
        await publisher.publish(large)
        await publisher.close()

    (event,) = running.published
    assert event["id"] == EVENT.id
    assert event["data"] == {
        "submission_id": "mail-1",
        "status": "completed",
        "revision": 2,
        "blob": "submissions/mail-1/outcome.json",
    }


@pytest.mark.parametrize("namespace_topic", ["", "submissions"])
async def test_the_largest_event_that_is_sent_whole_is_taken(namespace_topic: str) -> None:
    large = replace(EVENT, data={"text": "\u00d8" * 164_000})
    async with topic() as running:
        publisher = opened(running, namespace_topic=namespace_topic)
        await publisher.publish(large)
        await publisher.close()

    assert running.published[0]["data"] == large.data


async def test_a_fault_of_the_service_may_be_cured_by_a_retry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.azure.event_publisher._PATIENCE", {"retry_total": 0})
    async with topic() as running:
        publisher = opened(running)
        running.status = 503
        with pytest.raises(ServiceUnavailableError, match="Azure Event Grid"):
            await publisher.publish(EVENT)
    with pytest.raises(ServiceUnavailableError, match="Azure Event Grid"):
        await publisher.publish(EVENT)
    await publisher.close()


async def test_a_key_that_is_not_taken_any_more_is_waited_out_like_an_outage() -> None:
    async with topic() as running:
        publisher = opened(running, key="wrong")
        with pytest.raises(AccessRefusedError, match="401 Unauthorized"):
            await publisher.publish(EVENT)
        await publisher.close()


def test_settings_that_are_missing_are_named() -> None:
    with pytest.raises(SettingsError, match="MAIL_INGEST_EVENT_GRID_URL"):
        EventGridPublisher.open(EventGridSettings())
    with pytest.raises(SettingsError, match="neither key nor identity"):
        EventGridPublisher.open(EventGridSettings(url="https://topic.example/api/events"))
