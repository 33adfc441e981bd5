"""Categories as people name them on the command line: by a code or a name of the rules file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.classify import Rules, Topic


def topic_named(name: str, rules: Rules) -> Topic:
    """The topic of this code, with or without its ``medtop:``, or of this name; or the only one
    whose code, name, or a word of whose name starts so. Raises SettingsError, which lists those
    that there are.
    """
    for applies in (_is, _begins, _has_word):
        found = [topic for topic in rules.topic if applies(topic, name.strip().lower())]
        if len(found) == 1:
            return found[0]
        if found:
            raise SettingsError("--category", f"{name!r} may be any of: {_listed(found)}.")
    raise SettingsError("--category", f"{name!r} is none of these: {_listed(rules.topic)}.")


def _is(topic: Topic, name: str) -> bool:
    return name in (topic.code, _digits(topic), topic.name.lower())


def _begins(topic: Topic, name: str) -> bool:
    return any(each.startswith(name) for each in (topic.code, _digits(topic), topic.name.lower()))


def _has_word(topic: Topic, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}", topic.name.lower()) is not None


def _digits(topic: Topic) -> str:
    return topic.code.removeprefix("medtop:")


def _listed(topics: Sequence[Topic]) -> str:
    return "; ".join(f"{topic.code} {topic.name}" for topic in topics)
