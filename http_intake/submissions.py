"""POST /v1/submissions: a form with files becomes the record of a submission."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from http_intake.fields import check_fields, invalid, read_field
from http_intake.multipart import read_parts
from http_intake.problem_types import NO_FILE
from http_intake.problems import ProblemError
from http_intake.record import check_callback, new_record
from mail_ingest.collect import IncomingFile, MediaCollector
from shared.model import LeftOutReason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from http_intake.doors import Doors
    from http_intake.fields import Fields
    from http_intake.multipart import Part
    from shared.model import Submission

_PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})


async def read_submission(
    chunks: AsyncIterator[bytes],
    folder: str,
    *,
    boundary: bytes,
    submission_id: str,
    client: str,
    doors: Doors,
) -> Submission:
    """Read a form to its end; its photos and videos are in the folder on return, but not accepted.

    Raises ProblemError when the form is broken, holds no file, or a field of it cannot be used.
    """
    collector = MediaCollector(doors.intake.blobs, folder, doors.settings.media)
    try:
        fields = await _read_form(chunks, boundary, collector, doors.settings.max_parts)
    except BaseException:
        await collector.abandon()
        raise
    await check_callback(fields.callback_url, client, doors)
    return replace(
        new_record(submission_id, client, fields, doors.intake.clock.now()),
        media=collector.media,
        left_out=collector.left_out,
    )


async def _read_form(
    chunks: AsyncIterator[bytes], boundary: bytes, collector: MediaCollector, max_parts: int
) -> Fields:
    values: dict[str, str] = {}
    async for part in read_parts(chunks, boundary, max_parts=max_parts):
        if part.is_file:
            await _collect(part, collector)
        elif part.head.name in values:
            raise invalid(part.head.name, "It is there twice. Send it once.")
        else:
            values[part.head.name] = await read_field(part)
    await collector.settle()
    if not collector.media and not collector.left_out:
        raise ProblemError(
            NO_FILE,
            "There is no file in the submission. Add a part with a file name that holds a photo or"
            " a video.",
        )
    return check_fields(values)


async def _collect(part: Part, collector: MediaCollector) -> None:
    """Give a file to the collector. A form's file field that was left empty is none (HTML
    4.10.22.7).
    """
    first = await anext(part, b"")
    if not first and not part.head.file_name:
        return
    file_name, declared_type = part.head.file_name or "", part.head.media_type
    collector.begin(IncomingFile(file_name=file_name, declared_type=declared_type))
    if first:
        await collector.write(first)
    async for data in part:
        await collector.write(data)
    await collector.end(_why_refused(part))


def _why_refused(part: Part) -> LeftOutReason | None:
    """RFC 7578 section 4.7: no encoding in a form; we do not store what it hides."""
    if part.head.transfer_encoding in _PLAIN_ENCODINGS:
        return None
    return LeftOutReason.REFUSED_ENCODING
