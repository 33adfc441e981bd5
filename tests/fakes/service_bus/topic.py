"""A topic: a copy of each message for every subscription whose filter lets it through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.service_bus.messages import parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.fakes.service_bus.messages import Sections
    from tests.fakes.service_bus.queue import Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationFilter:
    """Lets through what equals all that is given here; without anything, all."""

    properties: Mapping[str, str] = field(default_factory=dict[str, str])  # subject, to, ...
    application_properties: Mapping[str, object] = field(default_factory=dict[str, object])

    def lets_through(self, message: Sections) -> bool:
        """Whether a message matches."""
        return all(
            message.properties.get(name) == value for name, value in self.properties.items()
        ) and all(
            message.application.get(name) == value
            for name, value in self.application_properties.items()
        )


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic with its subscriptions by name."""

    name: str
    subscriptions: Mapping[str, tuple[Queue, CorrelationFilter]]

    def put(self, raws: Sequence[bytes]) -> list[int]:
        """Copy messages to the subscriptions; a topic has no sequence numbers of its own."""
        parsed = [(raw, parse(raw)) for raw in raws]
        for queue, wanted in self.subscriptions.values():
            if matching := [raw for raw, sections in parsed if wanted.lets_through(sections)]:
                queue.put(matching)
        return [0] * len(raws)
