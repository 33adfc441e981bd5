"""POST /v1/submissions in JSON: uploaded files, by name, become the record of a submission.

Each file is looked at where it lies: its size, its type by its first 4 KB, and, if it is a photo or
a video, its SHA-256. Then that very version is copied within the store. Not here: how files got
there (`uploads`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from http_intake.fields import LIMITS, check_fields
from http_intake.json_body import read_json
from http_intake.problem_types import UPLOAD_MISSING
from http_intake.problems import ProblemError
from http_intake.record import check_callback, new_record
from http_intake.uploads import UPLOAD_ID, declared_size, require_uploads
from mail_ingest.incoming import FileUnderWay, IncomingFile
from mail_ingest.sniff import HEAD_BYTES
from shared.errors import BlobNotFoundError, IngestError
from shared.intake import media_name, upload_name
from shared.model import LeftOutReason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from http_intake.doors import Doors
    from shared.model import LeftOut, MediaItem, Submission
    from shared.ports import Upload

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 2 * 1024 * 1024


class _Named(Struct, frozen=True, forbid_unknown_fields=True):
    upload: Annotated[str, Meta(pattern=UPLOAD_ID)]
    file_name: Annotated[str, Meta(max_length=1000)] = ""


class _Body(Struct, frozen=True, forbid_unknown_fields=True):
    """The body, with the limits that openapi.yaml names."""

    uploads: Annotated[tuple[_Named, ...], Meta(min_length=1, max_length=1000)]
    callback_url: Annotated[str, Meta(max_length=LIMITS["callback_url"])] = ""
    reference: Annotated[str, Meta(max_length=LIMITS["reference"])] = ""
    text: Annotated[str, Meta(max_length=LIMITS["text"])] = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that was looked at, and the version of the upload that it was found in."""

    file: FileUnderWay
    upload: Upload


class UploadedSubmission:
    """One submission of uploaded files, from its body to the end of its uploads."""

    def __init__(self, doors: Doors, *, submission_id: str, client: str) -> None:
        self._doors = doors
        self._uploads = require_uploads(doors)
        self._submission_id = submission_id
        self._client = client
        self._used: list[str] = []
        self._media: list[MediaItem] = []
        self._left_out: list[LeftOut] = []

    async def read(self, chunks: AsyncIterator[bytes], folder: str) -> Submission:
        """Read the body, and look at the files; its photos and videos are in the folder on return,
        but not accepted. Raises ProblemError when a field or an upload cannot be used.
        """
        body = await read_json(chunks, _Body)
        fields = check_fields({name: getattr(body, name) for name in LIMITS})
        await check_callback(fields.callback_url, self._client, self._doors)
        for order, named in enumerate(body.uploads):
            try:
                await self._take(await self._look_at(named, order), folder)
            except BlobNotFoundError as exc:
                raise _missing(named.upload, "was changed while it was read") from exc
        return replace(
            new_record(self._submission_id, self._client, fields, self._doors.intake.clock.now()),
            media=tuple(self._media),
            left_out=tuple(self._left_out),
        )

    async def forget_uploads(self) -> None:
        """Delete the uploads, once the submission is accepted. What is left is deleted by the
        store's own rules.
        """
        try:
            for blob in self._used:
                await self._doors.intake.blobs.delete_prefix(blob)
        except IngestError:
            logger.warning(
                "uploads stay",
                extra={"action": "uploads_stay", "submission_id": self._submission_id},
                exc_info=True,
            )

    async def _look_at(self, named: _Named, order: int) -> _Found:
        """Find out what a file is, and its hash if it is a photo or a video."""
        upload = await self._uploads.find(upload_name(self._client, named.upload))
        if upload is None:
            raise _missing(named.upload, "is not there")
        if upload.size != declared_size(named.upload):
            raise _missing(named.upload, f"has {upload.size:,} bytes, not as many as declared")
        file = FileUnderWay(IncomingFile(file_name=named.file_name, declared_type=""), order)
        file.size = upload.size
        async for chunk in self._uploads.read(upload, length=HEAD_BYTES):
            file.head += chunk
        file.judge()
        if file.reason is None:
            async for chunk in self._uploads.read(upload):
                file.digest.update(chunk)
        return _Found(file, upload)

    async def _take(self, found: _Found, folder: str) -> None:
        """Keep a file, or leave it out."""
        self._used.append(found.upload.blob)
        file, number = found.file, len(self._media) + 1
        if (reason := self._why_left_out(file)) is not None:
            self._left_out.append(file.left_out(reason))
            return
        name = media_name(folder, number, file.stored_name)
        await self._uploads.keep(found.upload, name, content_type=file.true_type)
        self._media.append(file.media_item(number, name))

    def _why_left_out(self, file: FileUnderWay) -> LeftOutReason | None:
        if file.reason is not None:
            return file.reason
        if file.size > self._doors.settings.media.max_media_bytes:
            return LeftOutReason.TOO_LARGE
        if file.digest.hexdigest() in {item.sha256 for item in self._media}:
            return LeftOutReason.DUPLICATE
        if len(self._media) >= self._doors.settings.media.max_media:
            return LeftOutReason.TOO_MANY
        return None


def _missing(upload_id: str, what: str) -> ProblemError:
    return ProblemError(
        UPLOAD_MISSING,
        f"The upload {upload_id} {what}. Put the whole file to its url, or get another one from"
        " POST /v1/uploads; then send the submission again.",
        field="uploads",
    )
