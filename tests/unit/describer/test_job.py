from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from describer.describe import Describer
from describer.job import Job, event_of, run_job
from describer.protocol import Response, Status
from describer.settings import Settings
from shared import events
from shared.codec import from_json
from shared.description import Description
from shared.errors import SettingsError
from tests.support.third_party_server import Reply, ThirdPartyServer, third_party_server

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def describer() -> Describer:
    return Describer.load(Settings())


def _env(service: ThirdPartyServer, media_url: str, **changes: str) -> dict[str, str]:
    return {
        "JOB_ID": "mail-abc:2",
        "MEDIA_URL": media_url,
        "MEDIA_KIND": "photo",
        "MEDIA_TYPE": "image/jpeg",
        "FILE_NAME": "cat.jpg",
        "RESULT_URL": f"{service.url}/result",
        "THUMBNAIL_URL": f"{service.url}/thumbnail",
        "DESCRIPTION_BLOB": "descriptions/x/local-models-1.json",
        "EVENT_URL": f"{service.url}/event",
        "EVENT_KEY": "event-key",
    } | changes


def test_a_job_puts_its_results_and_then_tells(describer: Describer, media: Path) -> None:
    photo = Reply(body=(media / "cat.jpg").read_bytes())
    with third_party_server(photo, Reply(status=201)) as service:
        assert run_job(Job.from_env(_env(service, f"{service.url}/media")), describer) == 0
    fetched, thumbnail, result, event = service.seen
    assert (fetched.method, thumbnail.method, result.method) == ("GET", "PUT", "PUT")
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


def test_an_unreadable_file_is_told_without_results(describer: Describer, tmp_path: Path) -> None:
    (tmp_path / "junk.jpg").write_bytes(b"junk")
    with third_party_server(Reply(status=202)) as service:
        assert (
            run_job(Job.from_env(_env(service, (tmp_path / "junk.jpg").as_uri())), describer) == 0
        )
    (event,) = service.seen
    assert json.loads(event.body)["data"]["status"] == "unreadable"


def test_results_can_go_into_files(describer: Describer, media: Path, tmp_path: Path) -> None:
    with third_party_server(Reply(status=200)) as service:
        env = _env(
            service,
            (media / "cat.jpg").as_uri(),
            RESULT_URL=(tmp_path / "result.json").as_uri(),
            THUMBNAIL_URL=(tmp_path / "small.jpg").as_uri(),
        )
        assert run_job(Job.from_env(env), describer) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"result.json", "small.jpg"}


@pytest.mark.parametrize("changes", [{}, {"MEDIA_URL": "http://vision.example/x"}])
def test_a_job_that_cannot_fetch_or_deliver_is_tried_again(
    describer: Describer, media: Path, changes: dict[str, str]
) -> None:
    with third_party_server(Reply(status=503)) as service:
        env = _env(service, (media / "cat.jpg").as_uri(), **changes)
        assert run_job(Job.from_env(env), describer) == 1


@pytest.mark.parametrize("name", ["JOB_ID", "MEDIA_URL", "MEDIA_KIND", "RESULT_URL", "EVENT_URL"])
def test_a_missing_variable_is_named(name: str) -> None:
    with third_party_server(Reply()) as service:
        env = _env(service, "file:///x") | {name: " "}
    with pytest.raises(SettingsError, match=name):
        Job.from_env(env)


@pytest.mark.parametrize("status", [Status.DESCRIBED, Status.UNREADABLE])
def test_the_event_is_the_one_that_the_core_knows(status: Status) -> None:
    now = datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC)
    with third_party_server(Reply()) as service:
        job = Job.from_env(_env(service, "file:///x"))
    response = Response(job_id=job.job_id, status=status, reason="Why.")
    described = events.MediaDescribed(job_id=job.job_id, status=status.value, reason="Why.")
    assert event_of(job, response, now) == events.media_described(described, now)
