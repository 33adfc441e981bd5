"""The endpoints of openapi.yaml: each translates a request, asks the core, and words the answer."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from http_intake import status, stored
from http_intake.access import client_of, own_base_url
from http_intake.body import limited
from http_intake.json_body import is_json
from http_intake.keys import MAIL_SOURCE, idempotency_key, watched_mail
from http_intake.messages import message_chunks, require_message
from http_intake.multipart import require_boundary
from http_intake.problem_types import EXPECTATION_FAILED, NOT_FOUND
from http_intake.problems import ProblemError
from http_intake.record import SOURCE
from http_intake.references import ReferenceIntake
from http_intake.submissions import read_submission
from http_intake.uploaded import MAX_BODY_BYTES, UploadedSubmission
from http_intake.uploads import offer_uploads
from mail_ingest.receive import MailOrigin
from shared import ids
from shared.codec import to_json
from shared.events import rfc3339
from shared.reception import receive_once

if TYPE_CHECKING:
    from starlette.requests import Request

    from http_intake.doors import Doors
    from shared.model import Submission

_SUBMISSION_ID = re.compile(r"[a-z]{1,20}-[a-z2-7]{26}")


class Api:
    """The endpoints, over one set of doors."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._settings = doors.settings
        self._intake = doors.intake
        self._references = ReferenceIntake(doors)

    async def submit_media(self, request: Request) -> Response:
        """POST /v1/submissions: a form with files, or JSON that names uploads."""
        client = self._admit(request)
        submission_id = ids.submission_id(SOURCE, self._key(request, client))
        if is_json(request.headers):
            await self._take_uploaded(request, submission_id, client)
        else:
            await self._take_form(request, submission_id, client)
        return self._accepted(request, submission_id)

    async def offer_uploads(self, request: Request) -> Response:
        """POST /v1/uploads."""
        client = self._admit(request)
        body = await offer_uploads(request, client=client, doors=self._doors)
        headers = {"Cache-Control": "no-store"}  # the URLs are rights
        return Response(to_json(body), headers=headers, media_type="application/json")

    async def submit_email(self, request: Request) -> Response:
        """POST /v1/emails."""
        client = self._admit(request)
        require_message(request.headers)
        origin = self._mail_origin(request, client)
        chunks = message_chunks(limited(request, self._settings.max_message_bytes))
        accepted = await self._doors.receive_mail(chunks, origin=origin)
        return self._accepted(request, accepted.submission.id)

    async def submit_reference(self, request: Request) -> Response:
        """POST /v1/emails/by-reference."""
        client = self._admit(request)
        accepted = await self._references.take(request, client=client)
        return self._accepted(request, accepted.submission.id)

    async def get_submission(self, request: Request) -> Response:
        """GET /v1/submissions/{id}."""
        client = client_of(request.headers, self._settings)
        submission = await self._find(request.path_params["id"], client)
        entry = await self._intake.index.get(submission.id)
        outcome = await stored.outcome_json(self._intake.blobs, submission.id)
        body = status.status_json(submission, entry, outcome)
        headers = {"ETag": status.etag(body), "Cache-Control": "private, no-cache"}
        age = self._intake.clock.now() - datetime.fromisoformat(submission.received_at)
        retry_after_s = status.retry_after_s(status.state_of(entry), age)
        if retry_after_s is not None:
            headers["Retry-After"] = str(retry_after_s)
        if status.matches(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(body, headers=headers, media_type="application/json")

    async def get_liveness(self, _request: Request) -> Response:
        """GET /health/live."""
        return Response(to_json({"status": "live"}), media_type="application/json")

    async def get_readiness(self, _request: Request) -> Response:
        """GET /health/ready."""
        readiness = await self._doors.readiness()
        code = HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return Response(to_json(readiness), code, media_type="application/json")

    async def _take_form(self, request: Request, submission_id: str, client: str) -> None:
        boundary = require_boundary(request.headers)
        read = partial(
            read_submission,
            boundary=boundary,
            submission_id=submission_id,
            client=client,
            doors=self._doors,
        )
        chunks = limited(request, self._settings.max_submission_bytes)
        await receive_once(self._intake, submission_id, chunks, read)

    async def _take_uploaded(self, request: Request, submission_id: str, client: str) -> None:
        uploaded = UploadedSubmission(self._doors, submission_id=submission_id, client=client)
        chunks = limited(request, MAX_BODY_BYTES)
        await receive_once(self._intake, submission_id, chunks, uploaded.read)
        await uploaded.forget_uploads()

    def _admit(self, request: Request) -> str:
        """The client that may send us a body; raises ProblemError."""
        expectation = request.headers.get("expect", "100-continue")
        if expectation.lower() != "100-continue":
            raise ProblemError(
                EXPECTATION_FAILED, "We cannot meet this Expect. Send 100-continue, or none."
            )
        return client_of(request.headers, self._settings)

    def _key(self, request: Request, client: str) -> str:
        """What makes the submission one of its kind for this client."""
        given = idempotency_key(request.headers)
        return ids.http_key(client, self._doors.new_key() if given is None else given)

    def _mail_origin(self, request: Request, client: str) -> MailOrigin:
        """Where a mail comes from: out of a mailbox that the client watches, or just from it."""
        watched = watched_mail(request.headers, client, self._settings)
        now = rfc3339(self._intake.clock.now())
        key, received_at = watched or (self._key(request, client), now)
        return MailOrigin(
            source=MAIL_SOURCE,
            key=key,
            received_at=received_at,
            client=client,
            from_exchange=watched is not None,
        )

    def _accepted(self, request: Request, submission_id: str) -> Response:
        base = own_base_url(request, self._settings)
        url = f"{base}/v1/submissions/{submission_id}"
        body = to_json({"id": submission_id, "status_url": url, "state": "accepted"})
        return Response(
            body, HTTPStatus.ACCEPTED, headers={"Location": url}, media_type="application/json"
        )

    async def _find(self, submission_id: str, client: str) -> Submission:
        """The client's submission of this ID; raises ProblemError, whose ever it may be."""
        if _SUBMISSION_ID.fullmatch(submission_id):
            submission = await stored.record(self._intake, submission_id)
            if submission is not None and self._may_see(client, submission):
                return submission
        raise ProblemError(
            NOT_FOUND,
            "You have no submission of this ID. Use the status_url of the answer to its POST, and"
            " the same key.",
        )

    def _may_see(self, client: str, submission: Submission) -> bool:
        return not self._settings.knows_clients or submission.client == client
