"""The text fields of a submission: read within bounds, checked, refused by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from http_intake.problem_types import INVALID_FIELD
from http_intake.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from http_intake.multipart import Part

LIMITS: Mapping[str, int] = {"callback_url": 2000, "reference": 200, "text": 10_000}  # characters
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The fields of a form, empty when they were not sent."""

    callback_url: str = ""
    reference: str = ""
    text: str = ""


async def read_field(part: Part) -> str:
    """The value of a field; raises ProblemError when it is unknown, too long or no UTF-8."""
    name = part.head.name
    if name not in LIMITS:
        known = ", ".join(LIMITS)
        raise invalid(
            name, f"There is no field of this name; known are {known}. Files need a name."
        )
    content = bytearray()
    async for data in part:
        content += data
        if len(content) > LIMITS[name] * 4:  # a character of UTF-8 has at most 4 bytes
            raise _too_long(name)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise invalid(name, "It is not UTF-8. Encode it so.") from exc
    if len(text) > LIMITS[name]:
        raise _too_long(name)
    return text


def check_fields(values: Mapping[str, str]) -> Fields:
    """The fields, if they can be used; raises ProblemError."""
    fields = Fields(**values)
    if _CONTROL_CHARACTER.search(fields.reference):
        raise invalid("reference", "It must be one line, without control characters.")
    return fields


def invalid(name: str, problem: str) -> ProblemError:
    """The refusal of a field."""
    return ProblemError(INVALID_FIELD, f"{name[:40]}: {problem}", field=name[:40])


def _too_long(name: str) -> ProblemError:
    return invalid(name, f"It is longer than {LIMITS[name]:,} characters. Shorten it.")
