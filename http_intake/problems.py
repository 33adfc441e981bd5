"""Refusals and failures as RFC 9457 problem details: how one is raised and written.

A problem's `type` is the address of a page that explains it; its `detail` says what was wrong with
this request and what to do about it. Not here: the kinds of problems (`problem_types`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import Response

from http_intake.echo import shortened
from shared.codec import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from http_intake.problem_types import ProblemType

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem of one request. `members` are extension members (RFC 9457 section 3.2)."""

    kind: ProblemType
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(kind=kind, detail=detail, members=members, headers=headers or {})


def response(problem: Problem, instance: str) -> Response:
    """The problem as an HTTP answer; `instance` is the path of the request, decoded, of which a
    long one is not repeated whole.
    """
    kind = problem.kind
    body = {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status.value,
        "detail": problem.detail,
        "instance": quote(shortened(instance)),
        **problem.members,
    }
    return Response(
        to_json(body), kind.status.value, headers=dict(problem.headers), media_type=MEDIA_TYPE
    )
