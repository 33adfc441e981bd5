from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from describer.assignment import Assignment, Item
from describer.describe import Describer
from describer.job import ContainerJob, event_of
from describer.protocol import Report, Request, Response, Status
from describer.settings import Settings
from describer.transfer import Transfer
from describer.worker import respond
from shared import events
from shared.codec import from_json, to_json
from shared.description import Description
from shared.errors import IngestError, SettingsError
from shared.model import Kind
from shared.tracing import within
from tests.support.third_party_server import Reply, ThirdPartyServer, third_party_server

if TYPE_CHECKING:
    from pathlib import Path

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TAKEN_AT = 1_795_521_600.125
DONE = Reply(status=201)


@dataclass(frozen=True, slots=True)
class InThisProcess:
    """Describes without a child process."""

    describer: Describer
    asked: list[Request] = field(default_factory=list[Request])

    async def describe(self, request: Request, within_s: float) -> Response:
        self.asked.append(request)
        return respond(self.describer, request)


@pytest.fixture(scope="module")
def describer() -> InThisProcess:
    return InThisProcess(Describer.load(Settings()))


def item_of(service: ThirdPartyServer, media_url: str, job_id: str = "mail-abc:2") -> Item:
    return Item(
        job_id=job_id,
        kind=Kind.PHOTO,
        media_type="image/jpeg",
        file_name="cat.jpg",
        media_url=media_url,
        result_url=f"{service.url}/result",
        thumbnail_url=f"{service.url}/thumbnail",
        report_url=f"{service.url}/report",
        description_blob="descriptions/x/local-models-1.json",
        within_s=60,
        traceparent=TRACEPARENT,
        event_id=events.media_described_id(job_id, TAKEN_AT),
    )


def job_of(describer: InThisProcess, service: ThirdPartyServer, *items: Item) -> ContainerJob:
    assignment = Assignment(
        items=items,
        event_url=f"{service.url}/event",
        event_headers=(("aeg-sas-key", "event-key"),),
    )
    return ContainerJob(assignment=assignment, describer=describer, transfer=Transfer(pauses_s=()))


def report_in(body: bytes) -> Report:
    return from_json(body, Report, where="a test")


async def test_an_item_ends_in_results_then_an_event_then_a_report(
    describer: InThisProcess, media: Path
) -> None:
    photo = Reply(body=(media / "cat.jpg").read_bytes())
    with third_party_server(photo, DONE) as service:
        item = item_of(service, f"{service.url}/media")
        assert await job_of(describer, service, item).run() == 0
    fetched, thumbnail, result, event, report = service.seen
    assert [one.method for one in service.seen] == ["GET", "PUT", "PUT", "POST", "PUT"]
    assert fetched.path.endswith("/media")
    assert thumbnail.body.startswith(b"\xff\xd8\xff")
    assert result.headers["x-ms-blob-type"] == "BlockBlob"
    assert from_json(result.body, Description, where="a test").width == 451
    assert event.headers["aeg-sas-key"] == "event-key"
    assert event.headers["content-type"].startswith("application/cloudevents+json")
    assert json.loads(event.body)["data"] == {
        "job_id": "mail-abc:2",
        "status": "described",
        "description_blob": "descriptions/x/local-models-1.json",
        "reason": "",
    }
    assert report_in(report.body) == Report(job_id="mail-abc:2", status=Status.DESCRIBED, told=True)
    assert describer.asked[-1].traceparent == TRACEPARENT


async def test_an_unreadable_file_is_told_without_results(
    describer: InThisProcess, tmp_path: Path
) -> None:
    (tmp_path / "junk.jpg").write_bytes(b"junk")
    with third_party_server(DONE) as service:
        item = item_of(service, (tmp_path / "junk.jpg").as_uri())
        assert await job_of(describer, service, item).run() == 0
    event, report = service.seen
    assert json.loads(event.body)["data"]["status"] == "unreadable"
    assert report_in(report.body).status is Status.UNREADABLE


async def test_results_can_go_into_files(
    describer: InThisProcess, media: Path, tmp_path: Path
) -> None:
    with third_party_server(DONE) as service:
        item = replace(
            item_of(service, (media / "cat.jpg").as_uri()),
            result_url=(tmp_path / "result.json").as_uri(),
            thumbnail_url=(tmp_path / "small.jpg").as_uri(),
            report_url=(tmp_path / "report.json").as_uri(),
        )
        assert await job_of(describer, service, item).run() == 0
    names = await asyncio.to_thread(os.listdir, tmp_path)
    assert set(names) == {"result.json", "small.jpg", "report.json"}


async def test_an_event_that_nobody_takes_is_left_to_the_reader_of_the_report(
    describer: InThisProcess, media: Path
) -> None:
    with third_party_server(DONE, DONE, Reply(status=503), DONE) as service:
        item = item_of(service, (media / "cat.jpg").as_uri())
        assert await job_of(describer, service, item).run() == 0
    report = report_in(service.seen[-1].body)
    assert (report.status, report.told) == (Status.DESCRIBED, False)


async def test_without_an_event_url_only_the_report_tells(
    describer: InThisProcess, media: Path
) -> None:
    with third_party_server(DONE) as service:
        item = item_of(service, (media / "cat.jpg").as_uri())
        job = ContainerJob(assignment=Assignment(items=(item,)), describer=describer)
        assert await job.run() == 0
    assert {one.method for one in service.seen} == {"PUT"}
    assert not report_in(service.seen[-1].body).told


@pytest.mark.parametrize("media_url", ["http://vision.example/x", "file:///not/there"])
async def test_an_item_that_cannot_be_fetched_does_not_stop_the_next(
    describer: InThisProcess, media: Path, media_url: str
) -> None:
    with third_party_server(DONE) as service:
        bad = item_of(service, media_url)
        good = item_of(service, (media / "cat.jpg").as_uri(), job_id="mail-abc:3")
        assert await job_of(describer, service, bad, good).run() == 1
    assert report_in(service.seen[-1].body).job_id == "mail-abc:3"


async def test_a_result_that_cannot_be_delivered_gives_no_report(
    describer: InThisProcess, media: Path
) -> None:
    with third_party_server(Reply(status=503)) as service:
        item = item_of(service, (media / "cat.jpg").as_uri())
        assert await job_of(describer, service, item).run() == 1
    assert len(service.seen) == 1


def test_the_items_are_read_from_where_the_environment_says(tmp_path: Path) -> None:
    with third_party_server(DONE) as service:
        items = (item_of(service, "file:///x"), item_of(service, "file:///y"))
    (tmp_path / "jobs.json").write_bytes(to_json(items))
    env = {
        "JOBS_URL": (tmp_path / "jobs.json").as_uri(),
        "EVENT_URL": "https://grid.example/events",
        "EVENT_KEY": "secret",
        "EVENT_KEY_HEADER": "X-Key",
    }
    assignment = Assignment.from_env(env, Transfer())
    assert assignment.items == items
    assert assignment.event_headers == (("X-Key", "secret"),)


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(SettingsError, match="JOBS_URL"):
        Assignment.from_env({"JOBS_URL": " "}, Transfer())


@pytest.mark.parametrize("content", [b"", b"{}", b'[{"job_id": 1}]'])
def test_items_that_cannot_be_read_are_our_own_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "jobs.json").write_bytes(content)
    with pytest.raises(IngestError):
        Assignment.from_env({"JOBS_URL": (tmp_path / "jobs.json").as_uri()}, Transfer())


@pytest.mark.parametrize("status", [Status.DESCRIBED, Status.UNREADABLE])
def test_the_event_is_the_one_that_the_core_knows(status: Status) -> None:
    now = datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC)
    with third_party_server(DONE) as service:
        item = item_of(service, "file:///x")
    response = Response(job_id=item.job_id, status=status, reason="Why.")
    described = events.MediaDescribed(job_id=item.job_id, status=status.value, reason="Why.")
    with within(TRACEPARENT):
        expected = events.media_described(described, now, taken_at=TAKEN_AT)
        assert event_of(item, response, now) == expected


def test_an_item_of_an_older_release_has_its_event_too() -> None:
    with third_party_server(DONE) as service:
        item = replace(item_of(service, "file:///x"), event_id="")
    response = Response(job_id=item.job_id, status=Status.UNREADABLE, reason="Why.")
    event = event_of(item, response, datetime(2026, 11, 20, tzinfo=UTC))
    assert event.id == "media.described.v1:mail-abc:2"
