"""The JSON answer of a service into findings, as its mapping declares.

Nothing of an answer is trusted: texts are cut, confidences kept within 0..1, boxes within the
picture, lists short. What has the wrong form is left out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from describer.providers.base import Findings
from describer.providers.box_formats import read_box
from describer.providers.json_values import as_number, as_object
from describer.providers.paths import Node, exists, find, first
from shared.codec import to_json
from shared.description import (
    Caption,
    DetectedObject,
    Label,
    Model,
    People,
    Safety,
    TextLine,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from describer.providers.mapping import AnswerTable, ItemTable, Mapping
    from shared.description import Box
    from shared.model import JsonObject

_MOST_ITEMS = 200
_LARGEST_RAW = 256_000  # bytes of JSON
_LONGEST_TEXT = 2000
_LONGEST_NAME = 200


def read_findings(mapping: Mapping, answer: Any, width: int, height: int) -> Findings | None:
    """The findings, or None when nothing that the mapping names is in the answer.

    `width` and `height` are those of the picture that was sent, for boxes in pixels.
    """
    table = mapping.answer
    unit = (float(width), float(height)) if table.box_unit == "pixel" else (1.0, 1.0)
    reader = _Reader(table=table, root=Node(answer), unit=unit, source=mapping.name)
    return reader.findings() if reader.knows_the_form() else None


def readable(value: object, longest: int = _LONGEST_TEXT) -> str:
    """A text of a service on one line, without control characters, cut."""
    text = value if isinstance(value, str) else ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:longest]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One element of a list of the answer; `words` is its name or its text."""

    words: str
    confidence: float
    box: Box | None
    t_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    table: AnswerTable
    root: Node
    unit: tuple[float, float]
    source: str

    def knows_the_form(self) -> bool:
        lists = (*self.table.labels, *self.table.objects, *self.table.text)
        declared = (self.table.caption, *(item.each for item in lists))
        wanted = declared if self.table.present is None else (self.table.present,)
        return any(exists(self.root, path) for path in wanted if path is not None)

    def findings(self) -> Findings:
        objects = tuple(
            DetectedObject(
                name=item.words, confidence=item.confidence, box=item.box, t_ms=item.t_ms
            )
            for item in self._items(self.table.objects, _LONGEST_NAME)
        )
        return Findings(
            model=Model(
                id=self._name(self.table.model) or self.source,
                version=self._name(self.table.version),
            ),
            caption=self._caption(),
            labels=tuple(
                Label(name=item.words, confidence=item.confidence, source=self.source)
                for item in self._items(self.table.labels, _LONGEST_NAME)
            ),
            objects=objects,
            people=People(persons=_most_persons(objects), faces=self._faces()),
            text=tuple(
                TextLine(text=item.words, confidence=item.confidence, box=item.box)
                for item in self._items(self.table.text, _LONGEST_TEXT)
            ),
            safety=Safety(
                adult=self._score(self.table.adult), violence=self._score(self.table.violence)
            ),
            language=self._name(self.table.language) or "en",
            raw=_kept(self.root.value),
        )

    def _caption(self) -> Caption | None:
        text = readable(self._first(self.table.caption))
        if not text:
            return None
        confidence = self._score(self.table.caption_confidence)
        return Caption(
            text=text, confidence=1.0 if confidence is None else confidence, generated="model"
        )

    def _items(self, tables: tuple[ItemTable, ...], longest: int) -> Iterator[_Item]:
        nodes = ((item, node) for item in tables for node in find(self.root, item.each))
        for item, node in islice(nodes, _MOST_ITEMS):
            words = readable(first(node, item.name), longest)
            if words:
                yield _Item(
                    words=words,
                    confidence=self._sureness(item, node),
                    box=self._box(item, node),
                    t_ms=_milliseconds(item, node),
                )

    def _sureness(self, item: ItemTable, node: Node) -> float:
        """An item's confidence; a service that names none is taken at its word."""
        if item.confidence is None:
            return 1.0
        return self._confidence(first(node, item.confidence)) or 0.0

    def _box(self, item: ItemTable, node: Node) -> Box | None:
        if item.box is None:
            return None
        return read_box(first(node, item.box), self.table.box_format, self.unit)

    def _faces(self) -> int:
        return sum(1 for _ in find(self.root, self.table.faces)) if self.table.faces else 0

    def _score(self, path: str | None) -> float | None:
        return self._confidence(self._first(path))

    def _confidence(self, value: object) -> float | None:
        if isinstance(value, str):
            return self.table.words.get(value)
        given = as_number(value)
        return None if given is None else round(min(max(given / self.table.scale, 0.0), 1.0), 4)

    def _name(self, path: str | None) -> str:
        return readable(self._first(path), _LONGEST_NAME)

    def _first(self, path: str | None) -> Any:
        return None if path is None else first(self.root, path)


def _kept(answer: Any) -> JsonObject | None:
    """The answer itself for the desk, unless it would swell every copy of the description."""
    members = as_object(answer)
    return members if members is not None and len(to_json(members)) <= _LARGEST_RAW else None


def _milliseconds(item: ItemTable, node: Node) -> int | None:
    given = None if item.t_ms is None else as_number(first(node, item.t_ms))
    return None if given is None or given < 0 else round(given)


def _most_persons(objects: tuple[DetectedObject, ...]) -> int:
    """The most persons that are seen at one time."""
    times = Counter(found.t_ms for found in objects if found.name.lower() == "person")
    return max(times.values(), default=0)
