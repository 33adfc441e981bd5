"""From descriptions and words to newsroom categories, by the editors' rules; pure.

The rules are a file that an editor can change (`shared/rules/categories.toml` explains itself).
Words say more than labels: a model sees a cup, the sender knows that it is the cup final.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from shared.errors import SettingsError
from shared.model import Category

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from shared.description import Description

_CODE = re.compile(r"medtop:\d{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a hit is worth, by where it is found; a label's is multiplied by its confidence."""

    subject: float = 1.5
    text: float = 1.0
    picture_text: float = 1.0
    label: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One category of the rules file. `service_labels` are words that the local models do not have:
    only a third-party service may say them.
    """

    code: str
    name: str
    words: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    service_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules file as it is read."""

    topic: tuple[Topic, ...]
    threshold: float = 0.6
    most: int = 3
    weights: Weights = Weights()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What may speak for a category. `labels` are (name, confidence)."""

    subject: str = ""
    text: str = ""
    picture_text: str = ""
    labels: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matcher:
    topic: Topic
    words: re.Pattern[str] | None
    labels: re.Pattern[str] | None


class Classifier:
    """Applies the rules. The patterns are compiled once, since every submission meets them all."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._matchers = tuple(
            _Matcher(
                topic=topic,
                words=_pattern(topic.words),
                labels=_pattern(topic.labels + topic.service_labels),
            )
            for topic in rules.topic
        )

    def classify(self, evidence: Evidence) -> tuple[Category, ...]:
        """The categories that reach the threshold, strongest first, each with what spoke for it."""
        scored = [self._score(matcher, evidence) for matcher in self._matchers]
        suggested = [entry for entry in scored if entry[0] >= self._rules.threshold]
        suggested.sort(key=lambda entry: (-entry[0], entry[1].code))
        return tuple(category for _, category in suggested[: self._rules.most])

    def _score(self, matcher: _Matcher, evidence: Evidence) -> tuple[float, Category]:
        hits = list(_hits(matcher, evidence, self._rules.weights))
        because = tuple(dict.fromkeys(reason for _, reason in hits))
        category = Category(code=matcher.topic.code, name=matcher.topic.name, because=because)
        return sum(weight for weight, _ in hits), category


def evidence_of(description: Description, *, subject: str = "", text: str = "") -> Evidence:
    """The evidence of one description, with the words of the submission around it."""
    strongest: dict[str, float] = {}
    for seen in (*description.labels, *description.objects):
        name = seen.name.lower()
        strongest[name] = max(strongest.get(name, 0.0), seen.confidence)
    return Evidence(
        subject=subject,
        text=text,
        picture_text="\n".join(line.text for line in description.text),
        labels=tuple(strongest.items()),
    )


def labels_without_a_word(rules: Rules, vocabulary: Collection[str]) -> tuple[str, ...]:
    """The `labels` that can never count, because no word of the vocabulary (lower case) is one."""
    entries = dict.fromkeys(label for topic in rules.topic for label in topic.labels)
    return tuple(entry for entry in entries if not _is_said(entry, vocabulary))


def load_rules(path: Path) -> Rules:
    """Read a rules file. Raises SettingsError with a sentence that says what to mend."""
    try:
        rules = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Rules)
    except OSError as exc:
        raise SettingsError("MAIL_INGEST_RULES", f"{path} cannot be read: {exc.strerror}.") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as exc:
        raise SettingsError("MAIL_INGEST_RULES", f"{path} is not a rules file: {exc}.") from exc
    for topic in rules.topic:
        if not _CODE.fullmatch(topic.code):
            problem = f"{path} has the code {topic.code!r}; write it like medtop:03000000."
            raise SettingsError("MAIL_INGEST_RULES", problem)
    return rules


def _hits(matcher: _Matcher, evidence: Evidence, weights: Weights) -> Iterator[tuple[float, str]]:
    if matcher.words is not None:
        places = (
            ("subject", evidence.subject, weights.subject),
            ("text", evidence.text, weights.text),
            ("text in the picture", evidence.picture_text, weights.picture_text),
        )
        for place, words, weight in places:
            for word in dict.fromkeys(matcher.words.findall(words.lower())):
                yield weight, f"{place}: {word}"
    if matcher.labels is not None:
        for name, confidence in evidence.labels:
            if matcher.labels.fullmatch(name):
                yield weights.label * confidence, f"label: {name} ({confidence:.2f})"


def _is_said(entry: str, vocabulary: Collection[str]) -> bool:
    pattern = _pattern((entry,))
    return pattern is not None and any(map(pattern.fullmatch, vocabulary))


def _pattern(entries: tuple[str, ...]) -> re.Pattern[str] | None:
    if not entries:
        return None
    longest_first = sorted(entries, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(_entry, longest_first))})(?!\w)")


def _entry(entry: str) -> str:
    stem = r"\s+".join(re.escape(word) for word in entry.lower().rstrip("*").split())
    return stem + r"\w*" if entry.endswith("*") else stem
