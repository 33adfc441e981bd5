"""What can be wrong with a message, each with the clause that it breaks and a sentence.

A flaw is what is wrong; a defect is a flaw at a place. Neither ever stops the reading, except those
that name a limit.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One thing that can be wrong. `limit` is the field of `Limits` that ended the reading, or
    empty.
    """

    clause: str
    sentence: str
    limit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """A flaw of one part. `part` is the path of the part, empty for the message as a whole."""

    part: str
    clause: str
    sentence: str
    limit: str = ""


def at(part: str, flaw: Flaw) -> Defect:
    """A flaw at a place."""
    return Defect(part=part, clause=flaw.clause, sentence=flaw.sentence, limit=flaw.limit)


def beyond(limit: str, allowed: int) -> Flaw:
    """The flaw of a message that goes beyond a limit, named as in `Limits`."""
    what = limit.replace("_", " ")
    return Flaw(
        clause=f"limit {limit}",
        sentence=f"Reading stopped where the message goes beyond {allowed:,} ({what}).",
        limit=limit,
    )
