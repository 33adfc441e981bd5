"""POST /v1/uploads, and submissions that name what was uploaded."""

from __future__ import annotations

from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from http_intake.doors import HttpSettings
from mail_ingest.collect import MediaLimits
from mail_ingest.sniff import HEAD_BYTES
from shared.errors import ServiceUnavailableError
from tests.support.azure_services import azure_blob_store
from tests.support.http_door import JPEG, KEYS, MP4, PDF, Door, open_door
from tests.support.uploads import MemoryUploads

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from shared.ports import Upload
    from tests.support.azurite import Azurite


@asynccontextmanager
async def door_with_uploads(
    folder: Path, settings: HttpSettings | None = None
) -> AsyncGenerator[tuple[Door, MemoryUploads]]:
    async with open_door(folder, settings, uploads=MemoryUploads) as door:
        assert isinstance(door.doors.uploads, MemoryUploads)
        yield door, door.doors.uploads


async def offers(door: Door, *sizes: int) -> list[dict[str, Any]]:
    body = {"files": [{"size": size} for size in sizes]}
    answer = await door.client.post("/v1/uploads", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()["uploads"]


async def uploaded(door: Door, uploads: MemoryUploads, *contents: bytes) -> list[dict[str, str]]:
    """Files as the body of a submission names them, after they were put where they were offered."""
    offered = await offers(door, *map(len, contents))
    for offer, content in zip(offered, contents, strict=True):
        uploads.put(offer["url"], content)
    return [
        {"upload": offer["upload"], "file_name": f"file {number}"}
        for number, offer in enumerate(offered, 1)
    ]


async def submit(door: Door, named: list[dict[str, str]], **rest: str) -> httpx.Response:
    headers = {"Idempotency-Key": rest.pop("key")} if "key" in rest else {}
    body = {"uploads": named, **rest}
    return await door.client.post("/v1/submissions", json=body, headers=headers)


async def status(door: Door, accepted: httpx.Response) -> dict[str, Any]:
    assert accepted.status_code == 202, accepted.text
    return (await door.client.get(accepted.headers["location"])).json()


async def test_uploaded_files_become_a_submission(tmp_path: Path) -> None:
    async with door_with_uploads(tmp_path) as (door, uploads):
        named = await uploaded(door, uploads, MP4, PDF, JPEG)
        accepted = await submit(door, named, reference="r-1", text="Storm")
        found = await status(door, accepted)

        submission_id = accepted.json()["id"]
        assert found["reference"] == "r-1"
        assert [
            (item["number"], item["kind"], item["file_name"], item["size"], item["sha256"])
            for item in found["media"]
        ] == [
            (1, "video", "file 1", len(MP4), sha256(MP4).hexdigest()),
            (2, "photo", "file 3", len(JPEG), sha256(JPEG).hexdigest()),
        ]
        assert [(line["file_name"], line["reason"]) for line in found["left_out"]] == [
            ("file 2", "unsupported_type")
        ]
        record = await door.doors.intake.known(submission_id)
        assert record is not None
        assert [await door.services.blobs.get(item.blob) for item in record.media] == [MP4, JPEG]
        assert await door.services.queue.depth() == 1


async def test_what_is_no_media_is_looked_at_by_its_head_only(tmp_path: Path) -> None:
    async with door_with_uploads(tmp_path) as (door, uploads):
        await submit(door, await uploaded(door, uploads, PDF))
        assert uploads.reads == [HEAD_BYTES]
        await submit(door, await uploaded(door, uploads, JPEG))
        assert uploads.reads == [HEAD_BYTES, HEAD_BYTES, None]


async def test_a_platform_without_upload_urls_says_what_to_do(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        for path, body in (
            ("/v1/uploads", {"files": [{"size": 1}]}),
            ("/v1/submissions", {"uploads": [{"upload": "a-1"}]}),
        ):
            answer = await door.client.post(path, json=body)
            assert answer.status_code == 501
            assert answer.json()["type"] == "/problems/no-direct-upload"
            assert "multipart/form-data" in answer.json()["detail"]


async def test_a_file_above_the_limit_gets_no_url(tmp_path: Path) -> None:
    settings = HttpSettings(media=MediaLimits(max_media_bytes=1000))
    async with door_with_uploads(tmp_path, settings) as (door, _):
        body = {"files": [{"size": 1000}, {"size": 1001}]}
        answer = await door.client.post("/v1/uploads", json=body)
        assert answer.status_code == 413
        assert answer.json()["limit_bytes"] == 1000


@pytest.mark.parametrize("missing", ["never put", "cut short", "too long"])
async def test_an_upload_that_is_not_as_declared_is_refused(tmp_path: Path, missing: str) -> None:
    async with door_with_uploads(tmp_path) as (door, uploads):
        named = await uploaded(door, uploads, JPEG, MP4)
        (offer,) = await offers(door, len(JPEG))
        if missing == "cut short":
            uploads.put(offer["url"], JPEG[:-1])
        if missing == "too long":
            uploads.put(offer["url"], JPEG + b"x")
        named.insert(1, {"upload": offer["upload"]})

        answer = await submit(door, named)
        assert answer.status_code == 409
        assert answer.json()["type"] == "/problems/upload-missing"
        assert offer["upload"] in answer.json()["detail"]
        assert await door.blobs() == []
        assert await door.services.queue.depth() == 0

        uploads.put(offer["url"], JPEG)
        assert (await submit(door, named)).status_code == 202


async def test_the_declared_size_cannot_be_changed(tmp_path: Path) -> None:
    async with door_with_uploads(tmp_path) as (door, uploads):
        (offer,) = await offers(door, 10)
        uploads.put(offer["url"], JPEG)
        other = offer["upload"].removesuffix("10") + str(len(JPEG))
        assert (await submit(door, [{"upload": other}])).status_code == 409


async def test_nobody_names_an_upload_of_another_client(tmp_path: Path) -> None:
    keys = KEYS | {"other": sha256(b"other key").hexdigest()}
    async with door_with_uploads(tmp_path, HttpSettings(keys=keys)) as (door, uploads):
        named = await uploaded(door, uploads, JPEG)
        answer = await door.client.post(
            "/v1/submissions",
            json={"uploads": named},
            headers={"Authorization": "Bearer other key"},
        )
        assert answer.status_code == 409
        assert (await submit(door, named)).status_code == 202


async def test_the_limits_of_a_submission_hold_for_uploads(tmp_path: Path) -> None:
    settings = HttpSettings(media=MediaLimits(max_media=2))
    async with door_with_uploads(tmp_path, settings) as (door, uploads):
        named = await uploaded(door, uploads, JPEG, JPEG, MP4, MP4 + b"x")
        found = await status(door, await submit(door, named))
        assert [item["file_name"] for item in found["media"]] == ["file 1", "file 3"]
        assert [line["reason"] for line in found["left_out"]] == ["duplicate", "too_many"]


async def test_the_same_key_again_takes_nothing_again(tmp_path: Path) -> None:
    async with door_with_uploads(tmp_path) as (door, uploads):
        named = await uploaded(door, uploads, JPEG)
        first = await submit(door, named, key="k-1")
        uploads.contents.clear()
        again = await submit(door, named, key="k-1")
        assert first.status_code == again.status_code == 202
        assert first.content == again.content
        assert await door.services.queue.depth() == 1


class ChangingUploads(MemoryUploads):
    """Somebody writes to the blob while it is read."""

    async def find(self, name: str) -> Upload | None:
        found = await super().find(name)
        self.contents[name] = JPEG[::-1]
        return found


class FailingUploads(MemoryUploads):
    """The store fails at the second file."""

    async def keep(self, upload: Upload, name: str, *, content_type: str) -> None:
        if "/media/2/" in name:
            raise ServiceUnavailableError("store")
        await super().keep(upload, name, content_type=content_type)


async def test_an_upload_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    async with open_door(tmp_path, uploads=ChangingUploads) as door:
        assert isinstance(door.doors.uploads, ChangingUploads)
        answer = await submit(door, await uploaded(door, door.doors.uploads, JPEG))
        assert answer.status_code == 409
        assert "changed" in answer.json()["detail"]


async def test_of_a_submission_that_fails_nothing_stays_but_its_uploads(tmp_path: Path) -> None:
    async with open_door(tmp_path, uploads=FailingUploads) as door:
        uploads = door.doors.uploads
        assert isinstance(uploads, FailingUploads)
        answer = await submit(door, await uploaded(door, uploads, JPEG, MP4))
        assert answer.status_code == 503
        assert await door.blobs() == []
        assert len(uploads.contents) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"uploads": []}, "uploads"),
        ({"uploads": [{"upload": "../record-1"}]}, "uploads[0].upload"),
        ({"uploads": [{"upload": "a-1", "size": 1}]}, "uploads[0]"),
        ({"uploads": [{"upload": "a-1"}], "reference": "a\nb"}, "reference"),
        ({"uploads": [{"upload": "a-1"}], "text": "x" * 10_001}, "text"),
        ({"upload": "a-1"}, "body"),
        ([], "body"),
    ],
)
async def test_a_body_that_is_not_as_described_is_refused(
    tmp_path: Path, body: object, field: str
) -> None:
    async with door_with_uploads(tmp_path) as (door, _):
        answer = await door.client.post("/v1/submissions", json=body)
        assert answer.status_code == 422
        assert answer.json()["field"] == field


async def test_a_callback_that_must_not_be_called_is_refused_before_anything_is_read(
    tmp_path: Path,
) -> None:
    async def guard(_url: str, _client: str) -> str | None:
        return "It is inside."

    async with open_door(tmp_path, uploads=MemoryUploads, check_callback=guard) as door:
        uploads = door.doors.uploads
        assert isinstance(uploads, MemoryUploads)
        named = await uploaded(door, uploads, JPEG)
        answer = await submit(door, named, callback_url="https://a.example")
        assert answer.status_code == 422
        assert uploads.reads == []


async def test_a_large_video_goes_past_us_into_azure(tmp_path: Path, azurite: Azurite) -> None:
    video = MP4 + bytes(9 * 1024 * 1024)
    async with (
        azure_blob_store(azurite.settings()) as store,
        open_door(tmp_path, blobs=store, uploads=lambda _: store.direct_uploads()) as door,
        httpx.AsyncClient() as client,
    ):
        (offer,) = await offers(door, len(video))
        put = await client.request(
            offer["method"], offer["url"], content=video, headers=offer["headers"]
        )
        assert put.status_code == 201
        accepted = await submit(door, [{"upload": offer["upload"], "file_name": "storm.mp4"}])

        (item,) = (await status(door, accepted))["media"]
        assert item["sha256"] == sha256(video).hexdigest()
        prefix = f"submissions/{accepted.json()['id']}"
        assert [name async for name in store.list("")] == [
            f"{prefix}/media/1/storm.mp4",
            f"{prefix}/submission.json",
        ]
        assert await store.get(f"{prefix}/media/1/storm.mp4") == video
