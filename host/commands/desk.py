"""mail-ingest desk: what waits for a person, and what the person decides."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from host.commands.categories import topic_named
from host.lazy import open_now
from host.stores import open_existing
from host.terminal import say, say_json, say_table
from shared.classify import load_rules
from shared.description import adult_words
from shared.model import Category
from shared.outcomes import Outcomes
from shared.ports import ReplyState
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.classify import Rules
    from shared.desk import Decision
    from shared.model import JsonObject, Outcome
    from shared.ports import IndexEntry

_BY_THE_DESK = ("the desk",)


def list_waiting(category: str, *, as_json: bool) -> int:
    """Print the submissions with items that wait: all, or those of a category."""
    waiting = asyncio.run(_waiting(category))
    entries = list(waiting)
    if as_json:
        for entry in entries:
            say_json(entry)
    elif not entries:
        say("Nothing waits for the desk.")
    else:
        rows = [
            (e.submission_id, e.received_at, ", ".join(map(str, e.escalated)), waiting[e])
            for e in entries
        ]
        say_table("Waiting for the desk", ("ID", "received", "items", "highest score"), rows)
        say("To decide: mail-ingest desk decide ID NUMBER --category CODE")
    return 0


def decide(submission_id: str, number: int, names: Sequence[str], *, answer: bool) -> int:
    """Record a decision; exit code 1 when the second answer was asked for and did not go out."""
    settings = Settings.read()
    categories = categories_named(names, load_rules(settings.place.rules))
    decision = asyncio.run(_decide(settings, submission_id, number, categories, answer=answer))
    if not decision.changed:
        say("This was decided before; nothing has changed.")
    else:
        names_text = ", ".join(category.name for category in categories)
        say(f"Item {number} of {submission_id} is filed under: {names_text}.")
    if decision.receipt is None:
        return 0
    if decision.receipt.state is ReplyState.SENT:
        say("The submitter was sent a second answer.")
        return 0
    say(f"The second answer did not go out: {decision.receipt.reason}")
    return 1


def categories_named(names: Sequence[str], rules: Rules) -> tuple[Category, ...]:
    """The categories by code or name. Raises SettingsError, which lists those that there are."""
    topics = [topic_named(name, rules) for name in names]
    return tuple(Category(code=t.code, name=t.name, because=_BY_THE_DESK) for t in topics)


async def _waiting(category: str) -> dict[IndexEntry, str]:
    """The entries, each with the highest adult score of its items that are described."""
    settings = Settings.read()
    rules = load_rules(settings.place.rules)
    code = topic_named(category, rules).code if category else None
    async with open_existing(settings) as stores:
        entries = await stores.desk(settings).waiting(category=code)
        outcomes = Outcomes(blobs=stores.blobs)
        return {each: _adult(await outcomes.get(each.submission_id)) for each in entries}


def _adult(outcome: Outcome | None) -> str:
    scores: list[float] = []
    for item in outcome.media if outcome else ():
        safety: JsonObject = (item.description or {}).get("safety") or {}
        if (score := safety.get("adult")) is not None:
            scores.append(score)
    return adult_words(max(scores, default=None))


async def _decide(
    settings: Settings,
    submission_id: str,
    number: int,
    categories: tuple[Category, ...],
    *,
    answer: bool,
) -> Decision:
    async with open_existing(settings) as stores:
        open_now(stores.publisher)  # else the decision would be kept, and nobody told of it
        return await stores.desk(settings).decide(submission_id, number, categories, answer=answer)
