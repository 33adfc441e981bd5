"""How Logic Apps holds content: JSON as values, text as strings, all else as base64."""

from __future__ import annotations

import base64
import json
from typing import Any


def from_body(data: bytes, content_type: str) -> Any:
    """A body as an action's output; null when there is none."""
    media_type = content_type.partition(";")[0].strip().lower()
    if not data:
        return None
    if media_type == "application/json":
        return json.loads(data)
    if media_type.startswith("text/"):
        return data.decode("utf-8", "replace")
    encoded = base64.b64encode(data).decode("ascii")
    return {"$content-type": media_type or "application/octet-stream", "$content": encoded}


def to_body(value: Any) -> tuple[bytes | None, str]:
    """A value as a body, and the Content-Type that it gets unless a header field says another."""
    match value:
        case None:
            return None, ""
        case {"$content-type": str(media_type), "$content": str(encoded)}:
            return base64.b64decode(encoded), media_type
        case str():
            return value.encode(), "text/plain; charset=utf-8"
        case _:
            return json.dumps(value).encode(), "application/json; charset=utf-8"


def as_text(value: Any) -> str:
    """A value inside of text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
