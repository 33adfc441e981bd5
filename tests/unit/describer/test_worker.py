from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from describer import child
from describer.protocol import Ready, Request, Response, Status
from describer.rules import WORKER
from shared.codec import from_json, to_json
from shared.model import Kind
from tests.support.describer_process import PROJECT, DescriberProcess, describer_process
from tests.support.third_party_server import Reply, json_reply, third_party_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX processes")


@pytest.fixture(scope="module")
def warm() -> Iterator[DescriberProcess]:
    with describer_process() as worker:
        first = worker.read()
        assert (first["provider"], first["ready"]) == ("local-models-1", True)
        yield worker


def test_it_describes_a_photo(warm: DescriberProcess, media: Path) -> None:
    response = warm.ask(media / "cat.jpg", job_id="mail-x:7")
    assert (response["job_id"], response["status"]) == ("mail-x:7", "described")
    assert response["description"]["provider"] == "local-models"
    assert base64.b64decode(response["thumbnail"]).startswith(b"\xff\xd8\xff")


def test_it_describes_a_video(warm: DescriberProcess, media: Path) -> None:
    response = warm.ask(media / "scenes3.mp4", "video")
    assert response["description"]["video"]["shots_ms"] == [0, 2000, 4000]


def test_an_unreadable_file_is_an_answer(warm: DescriberProcess, tmp_path: Path) -> None:
    (tmp_path / "junk.jpg").write_bytes(b"junk")
    response = warm.ask(tmp_path / "junk.jpg")
    assert (response["status"], response["description"]) == ("unreadable", None)
    assert response["reason"].endswith(".")


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"{}",
        b'{"job_id": 7}',
        b"[1, 2",
        b"\xff\xfe\x00",
        b'{"job_id":"a:1","path":"/x","kind":"song","media_type":""}',
        b"x" * 200_000,
        b"[" * 60_000,
    ],
)
def test_a_garbage_line_gets_one_answer_and_does_no_harm(
    warm: DescriberProcess, media: Path, line: bytes
) -> None:
    warm.send(line)
    answer = warm.read()
    assert (answer["job_id"], answer["status"]) == ("", "unavailable")
    assert warm.ask(media / "cat.jpg")["status"] == "described"


async def test_a_file_that_is_gone_is_unavailable_and_costs_no_process(
    media: Path, tmp_path: Path
) -> None:
    process = await child.DescriberProcess.start(WORKER, os.environ, timedelta(seconds=60))
    try:
        for path, status in (
            (tmp_path / "gone.jpg", "unavailable"),
            (media / "cat.jpg", "described"),
        ):
            request = Request(job_id="a:1", path=str(path), kind=Kind.PHOTO, media_type="")
            assert (await process.describe(request, 60)).status == status
    finally:
        await process.stop()


def test_by_a_pipe_it_opens_the_files_that_requests_name(media: Path, tmp_path: Path) -> None:
    paths = (tmp_path / "gone.jpg", media / "cat.jpg")
    requests = [
        to_json(Request(job_id="a:1", path=str(path), kind=Kind.PHOTO, media_type="")) + b"\n"
        for path in paths
    ]
    done = subprocess.run(  # noqa: S603 - our own program
        WORKER, cwd=PROJECT, input=b"".join(requests), capture_output=True, check=True
    )
    _, *answers = map(json.loads, done.stdout.splitlines())
    assert [answer["status"] for answer in answers] == ["unavailable", "described"]


def test_it_ignores_interrupts_and_ends_when_its_input_is_closed(media: Path) -> None:
    with describer_process() as worker:
        worker.read()
        os.kill(worker.process.pid, signal.SIGINT)
        assert worker.ask(media / "cat.jpg")["status"] == "described"
        worker.channel.close()
        rest, errors = worker.process.communicate(timeout=60)
        assert (worker.process.returncode, rest, errors) == (0, b"", b"")


def test_its_memory_is_limited_and_noted(
    warm: DescriberProcess, media: Path, record_property: Callable[[str, object], None]
) -> None:
    warm.ask(media / "coffee.jpg")
    peak = warm.peak_rss_mb()
    record_property("peak_rss_mb", round(peak))
    assert peak < 500
    if sys.platform == "linux":
        limits = Path(f"/proc/{warm.process.pid}/limits").read_text(encoding="ascii")
        assert f"{4096 * 1024 * 1024}" in limits
        assert "Max core file size        0" in limits
        assert re.search(r"Max open files +64 +64 ", limits)
        assert re.search(r"Max file size +0 +0 ", limits)  # standard error is a pipe here


def test_a_photo_that_needs_more_memory_than_allowed_is_unreadable(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGBA", (9000, 9000)).save(tmp_path / "huge.png", compress_level=1)
    with describer_process({"MAIL_INGEST_DESCRIBER_MEMORY_MB": "900"}) as worker:
        worker.read()
        response = worker.ask(tmp_path / "huge.png")
        assert response["status"] == "unreadable"
        assert "memory" in response["reason"]


def test_wrong_settings_end_it_with_a_sentence() -> None:
    with describer_process({"MAIL_INGEST_MAX_PIXELS": "many"}) as worker:
        output, errors = worker.process.communicate(timeout=60)
        assert worker.process.returncode == 2
        assert output == b""
        assert "MAIL_INGEST_MAX_PIXELS" in json.loads(errors)["message"]


def test_a_third_party_is_asked_and_its_pause_passed_on(media: Path) -> None:
    answer = {"labels": [{"name": "cat", "confidence": 0.9}]}
    busy = Reply(status=429, headers={"Retry-After": "30"})
    with third_party_server(busy, json_reply(answer)) as service:
        env = {
            "MAIL_INGEST_DESCRIBER": "third_party",
            "MAIL_INGEST_THIRD_PARTY_URL": service.url,
            "MAIL_INGEST_THIRD_PARTY_KEY": "k",
            "MAIL_INGEST_THIRD_PARTY_ALLOW_LOOPBACK_HTTP": "1",
        }
        with describer_process(env) as worker:
            assert worker.read()["provider"].startswith("third-party-plain-")
            first, second = worker.ask(media / "cat.jpg"), worker.ask(media / "cat.jpg")
    assert (first["status"], first["retry_after_s"]) == ("unavailable", 30.0)
    assert second["description"]["labels"][0]["name"] == "cat"


def test_the_wire_types_survive_the_wire() -> None:
    request = Request(job_id="a:1", path="/p", kind=Kind.PHOTO, media_type="image/jpeg")
    response = Response(job_id="a:1", status=Status.UNREADABLE, reason="No.", thumbnail=b"\xff\0")
    assert from_json(to_json(request), Request, where="a test") == request
    assert from_json(to_json(response), Response, where="a test") == response
    assert from_json(to_json(Ready(provider="x-1")), Ready, where="a test").ready
