"""mail-ingest status: where submissions are and what became of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from host.local import local_stores
from host.terminal import say, say_json, say_table
from shared.errors import UnknownSubmissionError
from shared.model import LEFT_OUT_SENTENCES
from shared.outcomes import Outcomes
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.model import JsonObject, MediaOutcome, Outcome, Submission
    from shared.ports import IndexEntry


def status(submission_id: str | None, *, as_json: bool) -> int:
    """Print one submission, or all of them in short."""
    if submission_id is None:
        return asyncio.run(_print_all(as_json=as_json))
    return asyncio.run(_print_one(submission_id, as_json=as_json))


async def _print_all(*, as_json: bool) -> int:
    with local_stores(Settings.read()) as stores:
        entries = await stores.index.list(limit=1000)
    if as_json:
        for entry in entries:
            say_json(entry)
        return 0
    if not entries:
        say("There is no submission yet.")
        return 0
    say_table("Submissions, newest first", ("ID", "received", "state", "media"), map(_row, entries))
    return 0


async def _print_one(submission_id: str, *, as_json: bool) -> int:
    with local_stores(Settings.read()) as stores:
        submission = await stores.intake().known(submission_id)
        entry = await stores.index.get(submission_id)
        outcome = await Outcomes(blobs=stores.blobs).get(submission_id)
    if submission is None and entry is None:
        raise UnknownSubmissionError(submission_id)
    if as_json:
        say_json({"submission": submission, "state": entry, "outcome": outcome})
        return 0
    for line in _lines(submission_id, submission, entry, outcome):
        say(line)
    return 0


def _row(entry: IndexEntry) -> tuple[str, str, str, str]:
    state = entry.state.value
    if entry.outcome:
        state += f", {entry.outcome}"
    if entry.reason:
        state += f": {entry.reason}"
    if entry.escalated:
        state += f" (waits for the desk: {', '.join(map(str, entry.escalated))})"
    return entry.submission_id, entry.received_at, state, str(entry.media)


def _lines(
    submission_id: str,
    submission: Submission | None,
    entry: IndexEntry | None,
    outcome: Outcome | None,
) -> list[str]:
    lines = [f"{submission_id}: {_row(entry)[2] if entry else 'accepted'}"]
    if submission is not None:
        lines.append(f"received {submission.received_at} by {submission.source}")
        for part in submission.left_out:
            name = part.file_name or part.media_type
            lines.append(f"  left out  {name}: {LEFT_OUT_SENTENCES[part.reason]}")
    if outcome is not None:
        lines += [_media_line(item) for item in outcome.media]
        lines.append(f"  answer    {_answer(outcome)}")
    return lines


def _media_line(item: MediaOutcome) -> str:
    description: JsonObject = item.description or {}
    caption: JsonObject = description.get("caption") or {}
    said: str = item.reason or caption.get("text", "")
    topics = ", ".join(category.name for category in item.categories) or "no category"
    return f"  {item.number:>3} {item.status.value:<10} {item.file_name}: {said} [{topics}]"


def _answer(outcome: Outcome) -> str:
    if outcome.reply.at:
        return f"by {outcome.reply.channel.value} at {outcome.reply.at}"
    return f"none {f'({outcome.reply.reason})' if outcome.reply.reason else 'yet'}"
