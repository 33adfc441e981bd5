"""Holds the fake's answers to a description of Graph in OpenAPI, which lies beside the project."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.fakes.graph.server import Recorded

_ROOT = "urn:graph"


class GraphDescription:
    """The paths and schemas of Graph's mail."""

    def __init__(self, file: Path) -> None:
        with file.open("rb") as opened:
            self._description: dict[str, Any] = yaml.load(opened, yaml.CSafeLoader)
        resource = Resource(contents=self._description, specification=DRAFT4)
        self._registry: Registry[Any] = Registry[Any]().with_resource(_ROOT, resource)
        self._paths = [(_pattern(path), path) for path in self._description["paths"]]

    def complaints(self, answers: Iterable[Recorded]) -> list[str]:
        """What is wrong with these answers; nothing when all is well."""
        return [complaint for answer in answers for complaint in self._check(answer)]

    def _check(self, answer: Recorded) -> list[str]:
        path = answer.path.removeprefix("/v1.0")
        known = [name for pattern, name in self._paths if pattern.fullmatch(path)]
        if not known:
            return [f"{answer.method} {path}: there is no such path"]
        operation = self._description["paths"][known[0]].get(answer.method.lower())
        if operation is None:
            return [f"{answer.method} {path}: there is no such operation"]
        responses: dict[str, Any] = operation["responses"]
        status = str(answer.status)
        response = responses.get(status) or responses.get(f"{status[0]}XX")
        if response is None:
            return [f"{answer.method} {path}: {status} is not described"]
        schema = response["content"]["application/json"]["schema"]
        absolute = json.loads(json.dumps(schema).replace('"#/', f'"{_ROOT}#/'))
        errors = OAS30Validator(absolute, registry=self._registry).iter_errors(answer.body)
        return [f"{answer.method} {path} {status}: {error.message}" for error in errors]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(path)))
