"""A caption from a template, where no model writes one: it says no more than the findings do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.description import Caption
from shared.model import Kind

if TYPE_CHECKING:
    from shared.description import DetectedObject, Label, People

_MOST_THINGS = 4


def template_caption(
    kind: Kind, labels: tuple[Label, ...], objects: tuple[DetectedObject, ...], people: People
) -> Caption:
    """One sentence, marked as built. Its confidence is that of its surest thing."""
    surest = {finding.name: finding.confidence for finding in (*objects[::-1], *labels[::-1])}
    things = sorted((name for name in surest if name != "person"), key=lambda name: -surest[name])[
        :_MOST_THINGS
    ]
    parts = [_count(people.persons or people.faces), *things]
    named = [part for part in parts if part]
    noun = "Video" if kind is Kind.VIDEO else "Photo"
    if not named:
        return Caption(
            text=f"{noun}; nothing was recognised.", confidence=0.0, generated="template"
        )
    return Caption(
        text=f"{noun} that seems to show: {', '.join(named)}.",
        confidence=max(surest.values(), default=0.5),
        generated="template",
    )


def _count(persons: int) -> str:
    if persons == 0:
        return ""
    return "1 person" if persons == 1 else f"{persons} persons"
