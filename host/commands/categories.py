"""Categories as people name them on the command line: by a code or a name of the rules file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import SettingsError

if TYPE_CHECKING:
    from shared.classify import Rules, Topic


def topic_named(name: str, rules: Rules) -> Topic:
    """The topic of this code, with or without its ``medtop:``, or of this name. Raises
    SettingsError, which lists those that there are.
    """
    for topic in rules.topic:
        if name.lower() in (topic.code, topic.code.removeprefix("medtop:"), topic.name.lower()):
            return topic
    listed = "; ".join(f"{topic.code} {topic.name}" for topic in rules.topic)
    raise SettingsError("--category", f"{name!r} is none of these: {listed}.")
