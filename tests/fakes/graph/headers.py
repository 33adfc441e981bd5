"""The rules of internetMessageHeaders: five fields of our own at most, each beginning with x-."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.graph import answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

_MOST = 5


def refused_headers(message: Mapping[str, Any]) -> web.Response | None:
    """The error for header fields that Graph does not take, or None."""
    fields = message.get("internetMessageHeaders", [])
    if len(fields) > _MOST:
        return answers.error(
            400, "InvalidInternetMessageHeaderCollection", f"At most {_MOST} header fields."
        )
    for field in fields:
        if not field["name"].lower().startswith("x-"):
            return answers.error(
                400,
                "InvalidInternetMessageHeader",
                f"The name of {field['name']} should start with 'x-' or 'X-'.",
            )
    return None
