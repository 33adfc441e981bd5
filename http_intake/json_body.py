"""A request body in JSON: held to the limits that openapi.yaml names, refused by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from http_intake.echo import shortened
from http_intake.fields import invalid
from http_intake.problem_types import INVALID_REQUEST, UNSUPPORTED_MEDIA_TYPE
from http_intake.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.datastructures import Headers

MEDIA_TYPE = "application/json"


def is_json(headers: Headers) -> bool:
    """Whether the body is said to be JSON."""
    return _declared(headers) == MEDIA_TYPE


def require_json(headers: Headers) -> None:
    """Raise ProblemError unless the body is said to be JSON."""
    if not is_json(headers):
        found = shortened(_declared(headers)) or "of no media type"
        raise ProblemError(
            UNSUPPORTED_MEDIA_TYPE,
            f"The body is {found}. Send JSON, as {MEDIA_TYPE}.",
            headers={"Accept-Post": MEDIA_TYPE},
        )


async def read_json[T](chunks: AsyncIterator[bytes], kind: type[T]) -> T:
    """The body as a value of this kind; raises ProblemError when it is none."""
    content = b"".join([chunk async for chunk in chunks])
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as exc:
        raise _not_as_described(exc) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ProblemError(
            INVALID_REQUEST, "The body is no JSON. Let a library write it, in UTF-8."
        ) from exc


def _declared(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _not_as_described(exc: msgspec.ValidationError) -> ProblemError:
    what, _, path = str(exc).partition(" - at `$.")
    # It may name what the client has written, such as a member that there is not.
    return invalid(path.rstrip("`") or "body", f"{shortened(what)}. See openapi.yaml.")
