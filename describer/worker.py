"""The describer as a child process: models loaded once, one JSON request and response a line."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from describer.describe import Described, Unreadable
from describer.media import Source
from describer.protocol import Mechanism, Ready, Request, Response, Status
from shared.codec import from_json, to_json
from shared.errors import StorageCorruptError
from shared.tracing import within

if TYPE_CHECKING:
    from describer.describe import Describer
    from describer.request_lines import RequestReader

logger = logging.getLogger(__name__)

_OUR_FAULT = "The describer failed on it; a person must look at it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Answers requests from one stream on another until the first one is closed."""

    describer: Describer
    requests: RequestReader
    responses: BinaryIO
    confinement: tuple[Mechanism, ...] = ()

    def run(self) -> None:
        """Say that we are ready, then answer line by line, in order."""
        self._write(Ready(provider=self.describer.identity.id, confinement=self.confinement))
        while line := self.requests.next():
            if line.strip():
                self._write(self._answer(line))
            self.requests.close_media()

    def _answer(self, line: bytes) -> Response:
        try:
            request = from_json(line, Request, where="the request line")
        except StorageCorruptError:
            logger.warning("request line refused", extra={"action": "request_refused"})
            return Response(
                job_id="", status=Status.UNAVAILABLE, reason="The line is no JSON request."
            )
        try:
            return respond(self.describer, request, self.requests.media)
        except Exception:
            logger.exception(
                "description failed",
                extra={"action": "description_failed", "job_id": request.job_id},
            )
            return Response(job_id=request.job_id, status=Status.UNAVAILABLE, reason=_OUR_FAULT)

    def _write(self, value: Ready | Response) -> None:
        self.responses.write(to_json(value) + b"\n")
        self.responses.flush()


def respond(describer: Describer, request: Request, media: int | None = None) -> Response:
    """Describe what a request names, or `media` that came opened, as a response."""
    source = Source(
        path=Path(request.path),
        kind=request.kind,
        media_type=request.media_type,
        file_name=request.file_name,
        url=request.media_url,
        descriptor=media,
    )
    with within(request.traceparent):
        outcome = describer.describe(source)
    match outcome:
        case Described():
            return Response(
                job_id=request.job_id,
                status=Status.DESCRIBED,
                description=outcome.description,
                thumbnail=outcome.thumbnail,
            )
        case Unreadable():
            return Response(job_id=request.job_id, status=Status.UNREADABLE, reason=outcome.reason)
        case _:
            return Response(
                job_id=request.job_id,
                status=Status.UNAVAILABLE,
                reason=outcome.reason,
                retry_after_s=outcome.retry_after_s,
            )
