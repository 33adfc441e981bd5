"""The record of a submission that came over HTTP, as far as its fields tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from http_intake.fields import invalid
from shared.events import rfc3339
from shared.model import AnswerTo, Channel, Submission, Submitter

if TYPE_CHECKING:
    from datetime import datetime

    from http_intake.doors import Doors
    from http_intake.fields import Fields

SOURCE = "http"


async def check_callback(url: str, client: str, doors: Doors) -> None:
    """Raise ProblemError when a callback_url, unless it is empty, must not be called."""
    refusal = await doors.check_callback(url, client) if url else None
    if refusal is not None:
        raise invalid("callback_url", refusal)


def new_record(submission_id: str, client: str, fields: Fields, now: datetime) -> Submission:
    """The record, still without its files."""
    return Submission(
        id=submission_id,
        source=SOURCE,
        received_at=rfc3339(now),
        submitter=Submitter(display_name=client),
        answer_to=_answer_to(fields.callback_url),
        client=client,
        reference=fields.reference,
        text=fields.text,
    )


def _answer_to(callback_url: str) -> AnswerTo:
    if callback_url:
        return AnswerTo(channel=Channel.WEBHOOK, target=callback_url)
    return AnswerTo(channel=Channel.NONE, reason="The submission named no callback_url.")
