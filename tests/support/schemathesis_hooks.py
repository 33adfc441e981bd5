"""Loaded by schemathesis: what it cannot know of our API from openapi.yaml."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation


@schemathesis.serializer("message/rfc822")
def rfc822(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """A message is text; anything else becomes its text."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType] - it is typed by halves
def before_call(_context: schemathesis.HookContext, case: Any, **_: Any) -> None:
    """A used key gives the first answer whatever the body is, so a bad body goes without one."""
    if case.meta is not None and case.meta.is_negative_at(ParameterLocation.BODY):
        case.headers.pop("Idempotency-Key", None)
