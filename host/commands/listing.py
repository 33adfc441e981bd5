"""mail-ingest status without an ID: a page of submissions, newest first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from host.commands.categories import topic_named
from host.stores import open_existing
from host.terminal import note, say, say_json, say_table
from shared.classify import load_rules
from shared.errors import SettingsError, UnknownSubmissionError
from shared.ports import SubmissionState
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.ports import IndexEntry

_COLUMNS = ("ID", "received", "state", "media", "categories")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which submissions, in the words of the command line; empty words ask for all."""

    category: str = ""
    state: str = ""
    after: str = ""
    limit: int = 100


def list_submissions(asked: Listing, *, as_json: bool) -> int:
    """Print the page, and how to see the next one. Raises SettingsError for a word that names
    nothing.
    """
    settings = Settings.read()
    rules = load_rules(settings.place.rules)
    code = topic_named(asked.category, rules).code if asked.category else None
    found = asyncio.run(_page(settings, asked, _state_named(asked.state), code))
    page = found[: asked.limit]
    if as_json:
        for entry in page:
            say_json(entry)
    elif page:
        names = {topic.code: topic.name for topic in rules.topic}
        say_table("Submissions, newest first", _COLUMNS, [_row(entry, names) for entry in page])
    else:
        say("There is no submission yet." if asked == Listing() else "No submissions match.")
    if len(found) > len(page):
        note(f"There are more: the same command with --after {page[-1].submission_id}")
    return 0


def state_words(entry: IndexEntry) -> str:
    """Where a submission is, and what of it waits for whom."""
    words = entry.state.value
    if entry.outcome:
        words += f", {entry.outcome}"
    if entry.reason:
        words += f": {entry.reason}"
    if entry.escalated:
        words += f" (waits for the desk: {', '.join(map(str, entry.escalated))})"
    return words


async def _page(
    settings: Settings, asked: Listing, state: SubmissionState | None, code: str | None
) -> Sequence[IndexEntry]:
    """One entry more than asked for, if there is one."""
    async with open_existing(settings) as stores:
        after = await stores.index.get(asked.after) if asked.after else None
        if asked.after and after is None:
            raise UnknownSubmissionError(asked.after)
        return await stores.index.list(
            state=state, category=code, after=after, limit=asked.limit + 1
        )


def _state_named(word: str) -> SubmissionState | None:
    if word and word.lower() not in set(SubmissionState):
        listed = "; ".join(SubmissionState)
        raise SettingsError("--state", f"{word!r} is none of these: {listed}.")
    return SubmissionState(word.lower()) if word else None


def _row(entry: IndexEntry, names: dict[str, str]) -> tuple[str, ...]:
    filed = "; ".join(names.get(code, code) for code in entry.categories or ())
    return entry.submission_id, entry.received_at, state_words(entry), str(entry.media), filed
