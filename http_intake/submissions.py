"""POST /v1/submissions: a form with files becomes a submission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from http_intake.fields import Fields, check_fields, invalid, read_field
from http_intake.multipart import read_parts
from http_intake.problems import NO_FILE, ProblemError
from http_intake.uploads import Uploads
from shared.events import rfc3339
from shared.model import AnswerTo, Channel, Submission, Submitter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from http_intake.doors import HttpSettings
    from shared.ports import Clock

SOURCE = "http"


async def read_form(
    chunks: AsyncIterator[bytes], boundary: bytes, uploads: Uploads, settings: HttpSettings
) -> Fields:
    """Read a form to its end: its files into `uploads`, its fields into the answer.

    Raises ProblemError when the form is broken, a field of it cannot be used, or no file is in it.
    """
    values: dict[str, str] = {}
    async for part in read_parts(chunks, boundary, max_parts=settings.max_parts):
        if part.is_file:
            await uploads.take(part)
        elif part.head.name in values:
            raise invalid(part.head.name, "It is there twice. Send it once.")
        else:
            values[part.head.name] = await read_field(part)
    if uploads.is_empty():
        raise ProblemError(
            NO_FILE,
            "There is no file in the submission. Add a part with a file name that holds a photo or"
            " a video.",
        )
    return check_fields(values)


def compose(
    *, submission_id: str, client: str, fields: Fields, uploads: Uploads, clock: Clock
) -> Submission:
    """The record of a form that was read."""
    return Submission(
        id=submission_id,
        source=SOURCE,
        received_at=rfc3339(clock.now()),
        submitter=Submitter(display_name=client),
        answer_to=_answer_to(fields.callback_url),
        reference=fields.reference,
        text=fields.text,
        media=tuple(uploads.media),
        left_out=tuple(uploads.left_out),
    )


def _answer_to(callback_url: str) -> AnswerTo:
    if callback_url:
        return AnswerTo(channel=Channel.WEBHOOK, target=callback_url)
    return AnswerTo(channel=Channel.NONE, reason="The submission named no callback_url.")
