"""The HTTP door as a Starlette application: its routes and its pages."""

from __future__ import annotations

import logging
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from http_intake import problem_types, problems
from http_intake.api import Api
from http_intake.body import BodyGuard
from http_intake.failures import problem_of
from http_intake.problems import ProblemError
from http_intake.tracing import RequestSpans
from shared.errors import ServiceUnavailableError, StorageFullError, TooLargeError

if TYPE_CHECKING:
    from starlette.requests import Request

    from http_intake.doors import Doors

logger = logging.getLogger(__name__)

_DESCRIPTION = Path(__file__).with_name("openapi.yaml").read_bytes()
_FRONT_PAGE = Path(__file__).with_name("front_page.html").read_text("utf-8")


def build_app(doors: Doors) -> Starlette:
    """The application over these doors; it keeps nothing itself."""
    settings = doors.settings
    app = Starlette(
        routes=_routes(Api(doors)),
        middleware=[
            Middleware(RequestSpans, telemetry=doors.telemetry),
            Middleware(
                BodyGuard,
                read_timeout_s=settings.read_timeout_s,
                min_bytes_per_s=settings.min_bytes_per_s,
            ),
        ],
        exception_handlers={
            ClientDisconnect: _to_nobody,
            ProblemError: _explain,
            HTTPException: _explain,
            TooLargeError: _explain,
            StorageFullError: _explain,
            ServiceUnavailableError: _explain,
            Exception: _explain,  # Starlette raises it again, and uvicorn logs it
        },
    )
    app.router.redirect_slashes = False  # everything has one address
    return app


def _routes(api: Api) -> list[Route]:
    return [
        Route("/v1/emails", api.submit_email, methods=["POST"]),
        Route("/v1/emails/by-reference", api.submit_reference, methods=["POST"]),
        Route("/v1/submissions", api.submit_media, methods=["POST"]),
        Route("/v1/uploads", api.offer_uploads, methods=["POST"]),
        Route("/v1/submissions/{id}", api.get_submission),
        Route("/health/live", api.get_liveness),
        Route("/health/ready", api.get_readiness),
        Route("/problems/{name}", _problem_page),
        Route("/openapi.yaml", _description),
        Route("/", _front_page),
    ]


async def _front_page(_request: Request) -> Response:
    return HTMLResponse(_FRONT_PAGE)


async def _description(_request: Request) -> Response:
    return Response(_DESCRIPTION, media_type="application/yaml")  # RFC 9512


async def _problem_page(request: Request) -> Response:
    kind = problem_types.CATALOGUE.get(request.path_params["name"])
    if kind is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return HTMLResponse(problem_types.page(kind))


def _explain(request: Request, exc: Exception) -> Response:
    problem = problem_of(exc)
    logger.info(
        "request refused",
        extra={
            "action": "request_refused",
            "problem": problem.kind.name,
            "status": problem.kind.status.value,
        },
    )
    return problems.response(problem, request.url.path)


def _to_nobody(_request: Request, _exc: Exception) -> Response:
    """The client has hung up; what we answer is dropped."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)
