"""The provider that needs no service: small models on the CPU. Triage for people, not truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from describer.caption import template_caption
from describer.providers.base import Findings
from describer.providers.identity import LOCAL_MODELS_VERSION
from describer.vision.adult import AdultModel
from describer.vision.faces import FaceModel
from describer.vision.labels import LabelModel
from describer.vision.objects import ObjectModel
from describer.vision.ocr import TextModel
from shared.description import DetectedObject, Label, Model, People, Safety, TextLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from describer.media import Frame, Reading, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the models say of one frame."""

    labels: tuple[Label, ...]
    objects: tuple[DetectedObject, ...]
    faces: int
    adult: float
    text: tuple[TextLine, ...]

    @property
    def persons(self) -> int:
        return sum(found.name == "person" for found in self.objects)


class LocalModels:
    """Loads every model once, which takes about half a second."""

    def __init__(self, *, ocr: bool) -> None:
        self._labels = LabelModel()
        self._objects = ObjectModel()
        self._faces = FaceModel()
        self._adult = AdultModel()
        self._text = TextModel() if ocr else None

    def find(self, source: Source, reading: Reading) -> Findings:
        """Look at every frame; of a video the best of all frames counts."""
        seen = [self._look(frame) for frame in reading.frames]
        labels, objects = _merge_labels(seen), _most_in_one_frame(seen)
        people = People(
            persons=max(frame.persons for frame in seen), faces=max(frame.faces for frame in seen)
        )
        return Findings(
            model=Model(id="local-models", version=LOCAL_MODELS_VERSION),
            caption=template_caption(source.kind, labels, objects, people),
            labels=labels,
            objects=objects,
            people=people,
            text=_distinct_lines(line for frame in seen for line in frame.text),
            safety=Safety(adult=max(frame.adult for frame in seen)),
        )

    def _look(self, frame: Frame) -> _Seen:
        picture = frame.picture
        return _Seen(
            labels=self._labels.labels(picture),
            objects=self._objects.objects(picture, frame.t_ms),
            faces=self._faces.count(picture),
            adult=self._adult.score(picture),
            text=self._text.lines(picture) if self._text else (),
        )


def _merge_labels(seen: list[_Seen]) -> tuple[Label, ...]:
    """Each label once, as sure as in its best frame, the surest first."""
    best: dict[str, Label] = {}
    for label in (label for frame in seen for label in frame.labels):
        if label.name not in best or label.confidence > best[label.name].confidence:
            best[label.name] = label
    return tuple(sorted(best.values(), key=lambda label: -label.confidence))


def _most_in_one_frame(seen: list[_Seen]) -> tuple[DetectedObject, ...]:
    """Of each kind of thing those of the frame that shows most of them, the surest first."""
    best: dict[str, tuple[DetectedObject, ...]] = {}
    for frame in seen:
        for name, count in Counter(found.name for found in frame.objects).items():
            if count > len(best.get(name, ())):
                best[name] = tuple(found for found in frame.objects if found.name == name)
    found = (found for group in best.values() for found in group)
    return tuple(sorted(found, key=lambda item: -item.confidence))


def _distinct_lines(lines: Iterable[TextLine]) -> tuple[TextLine, ...]:
    """Each text once: a banner stands in many frames."""
    best: dict[str, TextLine] = {}
    for line in lines:
        best.setdefault(line.text, line)
    return tuple(best.values())
