"""What is refused, with which status, and that nothing of it stays."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio

from adapters.local.new_file import NewFile
from http_intake.doors import HttpSettings
from http_intake.problem_types import CATALOGUE
from shared.errors import ServiceUnavailableError, StorageFullError
from tests.support.http_door import JPEG, MAIL, Door, open_door
from tests.support.raw_http import FORM_END, FORM_TYPE, form_part

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

PHOTO = form_part("a", JPEG, "a.jpg")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Door]:
    """One door for everything that is refused; it must never hold anything."""

    async def guard(url: str, _client: str) -> str | None:
        return "It points inside." if "10.0.0.1" in url else None

    async with open_door(tmp_path_factory.mktemp("door"), check_callback=guard) as door:
        yield door
        assert await door.blobs() == []
        assert await door.services.queue.depth() == 0


def problem(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """The problem in an answer, which must be of this kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"/problems/{name}"
    assert body["status"] == status
    assert body["title"] == CATALOGUE[name].title
    assert body["detail"].endswith(".")
    return body


async def post_form(door: Door, body: bytes, content_type: str = FORM_TYPE) -> httpx.Response:
    headers = {"Content-Type": content_type}
    return await door.client.post("/v1/submissions", content=body, headers=headers)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "name"),
    [
        (b"", FORM_TYPE, 400, "empty-body"),
        (PHOTO + FORM_END, "application/xml", 415, "unsupported-media-type"),
        (PHOTO + FORM_END, "multipart/mixed; boundary=b", 415, "unsupported-media-type"),
        (PHOTO + FORM_END, "multipart/form-data", 400, "malformed-multipart"),
        (
            PHOTO + FORM_END,
            f"multipart/form-data; boundary={'b' * 300}",
            400,
            "malformed-multipart",
        ),
        (PHOTO, FORM_TYPE, 400, "malformed-multipart"),
        (b"no boundary at all", FORM_TYPE, 400, "malformed-multipart"),
        (b"--b\r\n\r\nno disposition\r\n" + FORM_END, FORM_TYPE, 400, "malformed-multipart"),
        (b"--b\r\nX-Long: " + b"x" * 5000 + b"\r\n\r\n", FORM_TYPE, 400, "malformed-multipart"),
        (b"--b\r\n" + b"X: y\r\n" * 50 + b"\r\n", FORM_TYPE, 400, "malformed-multipart"),
        (FORM_END, FORM_TYPE, 400, "no-file"),
        (form_part("text", b"Storm") + FORM_END, FORM_TYPE, 400, "no-file"),
        (form_part("file", b"", "") + FORM_END, FORM_TYPE, 400, "no-file"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    door: Door, body: bytes, content_type: str, status: int, name: str
) -> None:
    problem(await post_form(door, body, content_type), status, name)
    assert await door.blobs() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("callback_url", b"https://10.0.0.1/inside"),
        ("callback_url", b"\xff\xfe"),
        ("callback_url", b"https://example.org/" + b"x" * 2000),
        ("reference", b"two\nlines"),
        ("reference", b"x" * 201),
        ("text", b"x" * 10_001),
        ("text", b"x" * 100_000),
        ("calback_url", b"https://example.org/misspelt"),
    ],
)
async def test_a_field_that_cannot_be_used_is_named(door: Door, field: str, value: bytes) -> None:
    body = PHOTO + form_part(field, value) + FORM_END
    refusal = problem(await post_form(door, body), 422, "invalid-field")
    assert refusal["field"] == field
    assert await door.blobs() == []


async def test_a_field_sent_twice_is_refused(door: Door) -> None:
    twice = form_part("text", b"one") + form_part("text", b"two")
    problem(await post_form(door, twice + PHOTO + FORM_END), 422, "invalid-field")


async def test_too_many_parts_are_refused(tmp_path: Path) -> None:
    async with open_door(tmp_path, HttpSettings(max_parts=3)) as door:
        body = PHOTO * 4 + FORM_END
        problem(await post_form(door, body), 400, "malformed-multipart")
        assert await door.blobs() == []


async def test_a_body_over_the_limit_is_refused_with_the_limit(tmp_path: Path) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        yield PHOTO
        for _ in range(100):
            yield form_part("a", JPEG, "a.jpg")

    async with open_door(tmp_path, HttpSettings(max_submission_bytes=20_000)) as door:
        declared = await post_form(door, PHOTO * 10 + FORM_END)
        assert problem(declared, 413, "too-large")["limit_bytes"] == 20_000
        streamed = await door.client.post(
            "/v1/submissions", content=in_chunks(), headers={"Content-Type": FORM_TYPE}
        )
        assert problem(streamed, 413, "too-large")["limit_bytes"] == 20_000
        assert await door.blobs() == []


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9"])
async def test_an_idempotency_key_that_is_none_is_refused(door: Door, key: str) -> None:
    headers = httpx.Headers({"Content-Type": "message/rfc822"}, encoding="latin-1")
    headers["Idempotency-Key"] = key
    answer = await door.client.post("/v1/emails", content=MAIL, headers=headers)
    problem(answer, 400, "invalid-request")


async def test_an_expectation_that_we_do_not_know_is_refused(door: Door) -> None:
    headers = {"Expect": "a-miracle", "Content-Type": "message/rfc822"}
    answer = await door.client.post("/v1/emails", content=MAIL, headers=headers)
    problem(answer, 417, "expectation-failed")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/submissions/http-aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "/v1/submissions/..%2f..%2fstate.db",
        "/v1/submissions/%00",
        "/v1/emails/",
        "/problems/unheard-of",
        "/elsewhere",
    ],
)
async def test_what_is_not_there_is_not_found(door: Door, path: str) -> None:
    problem(await door.client.get(path), 404, "not-found")


async def test_another_method_is_refused_with_those_that_are_allowed(door: Door) -> None:
    answer = await door.client.put("/v1/emails", content=MAIL)
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (StorageFullError("/data"), 507, "storage-full"),
        (ServiceUnavailableError("blobs", retry_after_s=7.2), 503, "unavailable"),
    ],
)
async def test_a_failure_behind_the_door_leaves_nothing_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, name: str
) -> None:
    async def fail(*_args: object, **_kwargs: object) -> bool:
        raise error

    async with open_door(tmp_path) as door:
        with monkeypatch.context() as patch:
            patch.setattr(type(door.services.blobs), "put_new", fail)
            form = await post_form(door, PHOTO + FORM_END)
            refusal = problem(form, status, name)
            headers = {"Content-Type": "message/rfc822"}
            mail = await door.client.post("/v1/emails", content=MAIL, headers=headers)
            problem(mail, status, name)
        assert "/data" not in refusal["detail"]
        assert await door.blobs() == []
        if status == 503:
            assert form.headers["retry-after"] == "8"
        again = await post_form(door, PHOTO + FORM_END)
        assert again.status_code == 202


async def test_a_disk_that_fills_up_in_the_middle_leaves_nothing_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with open_door(tmp_path) as door:
        with monkeypatch.context() as patch:
            patch.setattr(NewFile, "write", fail)
            large = form_part("a", JPEG + bytes(2_000_000), "a.jpg")
            problem(await post_form(door, PHOTO + large + FORM_END), 507, "storage-full")
            headers = {"Content-Type": "message/rfc822"}
            mail = await door.client.post("/v1/emails", content=MAIL + large, headers=headers)
            problem(mail, 507, "storage-full")
        assert await door.blobs() == []


async def test_an_error_nobody_foresaw_is_a_problem_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_args: object, **_kwargs: object) -> bool:
        raise RuntimeError("secret inside")

    async with open_door(tmp_path) as door:
        monkeypatch.setattr(type(door.services.blobs), "put_new", fail)
        answer = await post_form(door, PHOTO + FORM_END)
        problem(answer, 500, "internal-error")
        assert "secret" not in answer.text
        assert await door.blobs() == []
    assert "secret inside" in caplog.text
