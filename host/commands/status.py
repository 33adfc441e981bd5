"""mail-ingest status ID: where a submission is and what became of it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from adapters.local import maildir
from host.commands.listing import state_words
from host.data_folder import DataFolder
from host.stores import on_azure, open_existing
from host.terminal import note, say, say_json
from mail_ingest.ports import SOURCE
from mail_ingest.screen import no_answer_sentence
from shared.description import adult_words
from shared.errors import UnknownSubmissionError
from shared.ids import submission_id as submission_id_of
from shared.model import LEFT_OUT_SENTENCES, Channel
from shared.outcomes import Outcomes
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.model import JsonObject, MediaOutcome, Outcome, Submission
    from shared.ports import IndexEntry

_MAIL_NAME = re.compile(r"smtp-[0-9a-f]{40}")


def status(submission_id: str, *, as_json: bool) -> int:
    """Print where it is and its outcome. Raises UnknownSubmissionError."""
    return asyncio.run(_status(submission_id, as_json=as_json))


async def _status(submission_id: str, *, as_json: bool) -> int:
    settings = Settings.read()
    async with open_existing(settings) as stores:
        submission_id = _submission_of_mail(submission_id, settings) or submission_id
        entry = await stores.index.get(submission_id)
        submission = await stores.intake().known(submission_id)
        outcome = await Outcomes(blobs=stores.blobs).get(submission_id)
    if submission is None and entry is None:
        raise UnknownSubmissionError(submission_id)
    if as_json:
        say_json({"submission": submission, "state": entry, "outcome": outcome})
        return 0
    for line in _lines(submission_id, submission, entry, outcome):
        say(line)
    return 0


def _submission_of_mail(name: str, settings: Settings) -> str | None:
    """The ID where `name` is that of a mail in the mailbox: older versions named it in SMTP's
    250, so logs of senders have it.
    """
    if on_azure() or not _MAIL_NAME.fullmatch(name):
        return None
    path = maildir.find(DataFolder.at(settings.place.data).mailbox, name)
    if path is None:
        note(
            f"{name} is the name of a mail, and it does not lie in the mailbox any more."
            " mail-ingest status lists the submissions with the time at which each was received."
        )
        return None
    return submission_id_of(SOURCE, maildir.submission_key(path, name))


def _lines(
    submission_id: str,
    submission: Submission | None,
    entry: IndexEntry | None,
    outcome: Outcome | None,
) -> list[str]:
    lines = [f"{submission_id}: {state_words(entry) if entry else 'accepted'}"]
    if submission is not None:
        lines.append(f"received {submission.received_at} by {submission.source}")
        for part in submission.left_out:
            name = part.file_name or part.media_type
            lines.append(f"  left out  {name}: {LEFT_OUT_SENTENCES[part.reason]}")
    if outcome is not None:
        lines += [_media_line(item) for item in outcome.media]
        lines.append(f"  answer    {_answer(outcome, submission)}")
    return lines


def _media_line(item: MediaOutcome) -> str:
    description: JsonObject = item.description or {}
    caption: JsonObject = description.get("caption") or {}
    said: str = item.reason or caption.get("text", "")
    safety: JsonObject = description.get("safety") or {}
    said = " ".join(filter(None, (said, adult_words(safety.get("adult")))))
    topics = ", ".join(category.name for category in item.categories) or "no category"
    return f"  {item.number:>3} {item.status.value:<10} {item.file_name}: {said} [{topics}]"


def _answer(outcome: Outcome, submission: Submission | None) -> str:
    if outcome.reply.at:
        return f"by {outcome.reply.channel.value} at {outcome.reply.at}"
    if submission is not None and submission.answer_to.channel is Channel.NONE:
        return f"none: {no_answer_sentence(submission.answer_to)}"
    return f"none {f'({outcome.reply.reason})' if outcome.reply.reason else 'yet'}"
