"""The operations of a service, read from its OpenAPI 3 or Swagger 2 description."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

type Document = Mapping[str, Any]

_METHODS = {"get", "put", "post", "patch", "delete"}
_CONNECTION = "/{connectionId}"  # added by Logic Apps


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. `queries`, `headers` and `body` map each name to whether it is required."""

    name: str
    method: str
    path: re.Pattern[str]
    deprecated: bool
    queries: Mapping[str, bool]
    headers: Mapping[str, bool]
    media_types: frozenset[str]
    body: Mapping[str, bool]


def operations(document: Document) -> Iterator[Operation]:
    """Every operation of a description."""
    for path, item in document["paths"].items():
        for method in _METHODS & set(item):
            parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
            resolved = [resolve(document, each) for each in parameters]
            content = _content(document, item[method], resolved)
            yield Operation(
                name=item[method]["operationId"],
                method=method,
                path=_pattern(path.removeprefix(_CONNECTION)),
                deprecated=item[method].get("deprecated", False),
                queries=_named(resolved, "query"),
                headers=_named(resolved, "header"),
                media_types=frozenset(content),
                body={k: v for schema in content.values() for k, v in schema.items()},
            )


def properties(document: Document, schema: Document) -> dict[str, bool]:
    """The members of an object's schema, its parents' too, and whether each is required."""
    schema = resolve(document, schema)
    found: dict[str, bool] = {}
    for parent in schema.get("allOf", []):
        found |= properties(document, parent)
    required = schema.get("required", [])
    return found | {name: name in required for name in schema.get("properties", {})}


def resolve(document: Document, node: Document) -> Document:
    """What a reference within the document refers to; anything else as it is."""
    if "$ref" not in node:
        return node
    target: Any = document
    for step in node["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return target


def _pattern(path: str) -> re.Pattern[str]:
    pieces = re.split(r"\{[^}]+\}", path)
    return re.compile("[^/]+".join(re.escape(piece) for piece in pieces))


def _named(parameters: list[Document], place: str) -> dict[str, bool]:
    return {each["name"]: each.get("required", False) for each in parameters if each["in"] == place}


def _content(
    document: Document, operation: Document, parameters: list[Document]
) -> dict[str, dict[str, bool]]:
    """The members of the body by its media type."""
    body = resolve(document, operation.get("requestBody", {}))
    found = {
        media_type: properties(document, content["schema"])
        for media_type, content in body.get("content", {}).items()
    }
    for parameter in parameters:
        if parameter["in"] == "body":  # Swagger 2
            found["application/json"] = properties(document, parameter["schema"])
    return found
