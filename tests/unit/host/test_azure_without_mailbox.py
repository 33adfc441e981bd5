"""Azure with no mailbox set: what answers by mail come to, and what does not need a mailbox."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from adapters.local.engine import LocalEngine
from host.azure import AzureParts, build
from host.services import Stores
from shared.codec import to_json
from shared.errors import SettingsError
from shared.intake import record_name
from shared.model import AnswerTo, Channel, Submission, SubmissionQueued
from shared.orchestrators import ORCHESTRATORS
from shared.outcomes import Outcomes
from shared.ports import InstanceState, SubmissionState
from shared.settings import Settings
from shared.settings.azure import AzureSettings
from tests.fakes.event_grid.topic import KEY, Topic, topic
from tests.support.core import a_submission
from tests.support.engine import ended, local_engine
from tests.support.webhooks import receiving_webhooks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.support.azurite import Azurite

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutMailbox:
    """The composition of Azure, and an engine that works for it."""

    stores: Stores
    engine: LocalEngine
    events: Topic
    parts: AzureParts
    settings: Settings

    async def finish(self, submission: Submission) -> None:
        """Start a submission, and wait until its orchestration has ended well."""
        await self.stores.blobs.put(record_name(submission.id), to_json(submission))
        dispatcher = self.parts.services.dispatcher(self.settings, self.engine)
        await dispatcher.start(to_json(SubmissionQueued(submission_id=submission.id)))
        instance = await ended(self.engine, submission.id)
        assert instance.state is InstanceState.COMPLETED, instance.failure

    def published(self, kind: str) -> list[dict[str, str]]:
        """The data of the events of a type."""
        return [e["data"] for e in self.events.published if kind in e["type"]]


@pytest.fixture
async def azure(azurite: Azurite, tmp_path: Path) -> AsyncGenerator[WithoutMailbox]:
    storage = azurite.settings()
    async with topic() as events:
        environment = {
            "MAIL_INGEST_STORAGE_CONNECTION_STRING": storage.connection_string,
            "MAIL_INGEST_BLOB_CONTAINER": storage.container,
            "MAIL_INGEST_TABLE_PREFIX": storage.table_prefix,
            "MAIL_INGEST_EVENT_GRID_URL": f"{events.url}/api/events",
            "MAIL_INGEST_EVENT_GRID_KEY": KEY,
            "MAIL_INGEST_DESK_ADDRESS": "desk@newsroom.example",
            "MAIL_INGEST_WEBHOOK_ALLOW": "127.0.0.1",
            "MAIL_INGEST_WEBHOOK_SECRETS": SECRET,
        }
        settings = Settings.read(environment)
        async with running(settings, AzureSettings.read(environment), events, tmp_path) as opened:
            yield opened


@asynccontextmanager
async def running(
    settings: Settings, azure: AzureSettings, events: Topic, folder: Path
) -> AsyncGenerator[WithoutMailbox]:
    parts = build(settings, azure)
    stores = parts.services.stores
    activities = parts.services.activities(settings).all()
    try:
        async with local_engine(folder / "engine.db", ORCHESTRATORS, activities) as engine:
            yield WithoutMailbox(
                stores=stores, engine=engine, events=events, parts=parts, settings=settings
            )
    finally:
        await parts.close()


async def test_an_answer_by_mail_is_refused_at_once_and_the_submission_is_done(
    azure: WithoutMailbox,
) -> None:
    submission = a_submission(media=0)
    await azure.finish(submission)
    outcome = await Outcomes(blobs=azure.stores.blobs).get(submission.id)
    assert outcome is not None
    assert outcome.reply.channel is Channel.NONE
    assert outcome.reply.reason.endswith("set MAIL_INGEST_GRAPH_MAILBOX.")
    entry = await azure.stores.index.get(submission.id)
    assert entry is not None
    assert entry.state is SubmissionState.DONE
    assert entry.reason == f"It was not answered. {outcome.reply.reason}"


async def test_that_it_was_refused_is_told_by_an_event_and_by_the_log(
    azure: WithoutMailbox, caplog: pytest.LogCaptureFixture
) -> None:
    await azure.finish(a_submission(media=0))
    (data,) = azure.published("reply.failed")
    assert "MAIL_INGEST_GRAPH_MAILBOX" in data["reason"]
    told = {vars(line).get("action"): vars(line).get("reason") for line in caplog.records}
    assert told["reply_failed"] == told["desk_mail_refused"] == data["reason"]


async def test_a_webhook_goes_out_all_the_same(azure: WithoutMailbox) -> None:
    with receiving_webhooks() as webhooks:
        hook = AnswerTo(channel=Channel.WEBHOOK, target=webhooks.url)
        submission = replace(a_submission(media=0), answer_to=hook)
        await azure.finish(submission)
    (call,) = webhooks.calls
    assert json.loads(call.body)["submission_id"] == submission.id
    assert azure.published("reply.failed") == []


async def test_whoever_gets_no_answer_is_no_failure(azure: WithoutMailbox) -> None:
    nobody = AnswerTo(channel=Channel.NONE, reason="mailing_list")
    submission = replace(a_submission(media=0), answer_to=nobody)
    await azure.finish(submission)
    entry = await azure.stores.index.get(submission.id)
    assert entry is not None
    assert (entry.state, entry.reason) == (SubmissionState.DONE, "")
    assert azure.published("reply.failed") == []


def test_a_share_of_traces_that_makes_no_sense_stops_a_program_at_its_start() -> None:
    settings = Settings.read({"OTEL_TRACES_SAMPLER_ARG": "2"})
    with pytest.raises(SettingsError, match="OTEL_TRACES_SAMPLER_ARG"):
        build(settings, AzureSettings.read({}))
