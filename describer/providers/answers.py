"""What all answers of services have in common: they should be JSON, and may carry an error text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from describer.providers.base import Refused, Unavailable
from describer.providers.findings import readable
from describer.providers.paths import Node, first

if TYPE_CHECKING:
    from describer.providers.exchange import Answer

_LONGEST_ERROR = 200


def parse(answer: Answer) -> Node | Unavailable:
    """The JSON of an answer; a proxy's HTML page may be gone next time."""
    try:
        return Node(msgspec.json.decode(answer.body))
    except (ValueError, RecursionError):
        return Unavailable(reason="The description service answered with something else than JSON.")


def refusal(answer: Node | Unavailable, error: str | None) -> Refused:
    """The sentence for media that the service refuses, with its own words where it has any."""
    words = first(answer, error) if isinstance(answer, Node) and error is not None else None
    said = readable(words, _LONGEST_ERROR)
    sentence = "The description service refused the file"
    return Refused(sentence=f"{sentence}: {said}" if said else f"{sentence}.")
