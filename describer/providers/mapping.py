"""A declared mapping: how to ask one service, and where in its JSON answer each finding lies.

A mapping is a TOML file. The shipped ones lie in the folder mappings/, and ``plain.toml`` explains
every field. Unknown fields are an error, because a misspelt one would silently find nothing.
"""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec

from describer.providers import paths
from shared.errors import SettingsError

_SETTING = "MAIL_INGEST_THIRD_PARTY_MAPPING"
_FOLDER = resources.files(__package__) / "mappings"
_NAME = re.compile("[a-z0-9][a-z0-9-]{0,40}")
_PATHS_OF_ITEMS = ("each", "name", "confidence", "box", "t_ms")
_PATHS_OF_ANSWERS = (
    "present",
    "model",
    "version",
    "language",
    "caption",
    "caption_confidence",
    "faces",
    "adult",
    "violence",
    "error",
    "refused",
)

type BoxFormat = Literal["xywh", "xyxy", "vertices"]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file. A Struct, because dataclasses cannot refuse unknown fields."""


class RequestTable(_Table, frozen=True, kw_only=True):
    """What is sent. Without `bytes_json` the media itself is the body.

    Templates are JSON texts; in their strings ``{base64}``, ``{url}``, ``{media_type}`` and
    ``{file_name}`` are replaced. `photo` and `video` say which bytes: the original file, or a JPEG
    (of a video its poster frame) that every service can read and that carries no metadata.
    """

    bytes_json: str = ""
    url_json: str = '{"url": "{url}"}'
    photo: Literal["original", "jpeg"] = "jpeg"
    video: Literal["original", "jpeg"] = "original"
    headers: dict[str, str] = {}


class PollingTable(_Table, frozen=True, kw_only=True):
    """How to wait for an answer that comes later.

    `status_url` is ``header:<name>`` of the first answer, or a path in it. `status` is a path in
    the polled answers; `done` and `failed` are its final values.
    """

    status_url: str
    status: str
    done: tuple[str, ...]
    failed: tuple[str, ...] = ()


class ItemTable(_Table, frozen=True, kw_only=True):
    """A list of findings: `each` names its elements; the other paths start at an element."""

    each: str
    name: str = ""
    confidence: str | None = None  # without a path, 1 is assumed
    box: str | None = None
    t_ms: str | None = None


class AnswerTable(_Table, frozen=True, kw_only=True):
    """Where the findings lie. `scale` is what the service calls certain: 1 or 100."""

    present: str | None = None  # what every good answer has; without it, any other path
    scale: Literal[1, 100] = 1
    box_format: BoxFormat = "xywh"
    box_unit: Literal["fraction", "pixel"] = "fraction"
    words: dict[str, float] = {}  # confidences that are words, such as VERY_LIKELY = 0.95
    model: str | None = None
    version: str | None = None
    language: str | None = None
    caption: str | None = None
    caption_confidence: str | None = None
    labels: tuple[ItemTable, ...] = ()
    objects: tuple[ItemTable, ...] = ()
    text: tuple[ItemTable, ...] = ()
    faces: str | None = None  # a path to each face
    adult: str | None = None
    violence: str | None = None
    error: str | None = None  # a path to the service's words when it refuses
    refused: str | None = None  # the same, in an answer whose status says that all is well


class Mapping(_Table, frozen=True, kw_only=True):
    """A whole mapping file. `name` becomes part of the names of cached descriptions."""

    name: str
    request: RequestTable = RequestTable()
    polling: PollingTable | None = None
    answer: AnswerTable

    def fingerprint(self, url: str) -> str:
        """Eight hex digits that change with the mapping and with the service's URL."""
        return hashlib.sha256(url.encode() + msgspec.json.encode(self)).hexdigest()[:8]


def load_mapping(name_or_path: str) -> Mapping:
    """A shipped mapping by its name, or a file by its path. Raises SettingsError."""
    text = _read(name_or_path)
    try:
        mapping = msgspec.toml.decode(text, type=Mapping)
        _check(mapping)
    except ValueError as exc:  # msgspec's errors are ValueErrors too
        raise SettingsError(_SETTING, f"{name_or_path} is no good mapping: {exc}.") from exc
    return mapping


def shipped() -> tuple[str, ...]:
    """The names of the mappings that come with us."""
    names = (file.name for file in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def _read(name_or_path: str) -> str:
    try:
        if name_or_path in shipped():
            return _FOLDER.joinpath(f"{name_or_path}.toml").read_text(encoding="utf-8")
        return Path(name_or_path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(
            _SETTING,
            f"{name_or_path} cannot be read. Write the path of a TOML file, or one of:"
            f" {', '.join(shipped())}.",
        ) from exc


def _check(mapping: Mapping) -> None:
    """Raise ValueError for a name, a path or a template that could never work."""
    if not _NAME.fullmatch(mapping.name):
        raise ValueError("the name may hold a-z, 0-9 and hyphens")
    answer = mapping.answer
    for field in _PATHS_OF_ANSWERS:
        paths.steps(getattr(answer, field) or "")
    for item in (*answer.labels, *answer.objects, *answer.text):
        for field in _PATHS_OF_ITEMS:
            paths.steps(getattr(item, field) or "")
    for template in (mapping.request.bytes_json, mapping.request.url_json):
        if template:
            msgspec.json.decode(template)
