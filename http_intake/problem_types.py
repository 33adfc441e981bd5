"""The kinds of problems that the door may answer with, and the page that explains each.

The names and the statuses are part of the API: openapi.yaml lists them, and clients match on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemType:
    """A kind of problem. `name` ends its type URI; `advice` is the text of its page."""

    name: str
    status: HTTPStatus
    title: str
    advice: str

    @property
    def uri(self) -> str:
        """The type URI, relative to the service."""
        return f"/problems/{self.name}"


EMPTY_BODY = ProblemType(
    name="empty-body",
    status=HTTPStatus.BAD_REQUEST,
    title="The body is empty",
    advice="Send the photos and videos, or the message, in the body of the request.",
)
INVALID_REQUEST = ProblemType(
    name="invalid-request",
    status=HTTPStatus.BAD_REQUEST,
    title="The request is not well-formed",
    advice="Look at what the detail names and write it as openapi.yaml says.",
)
MALFORMED_MULTIPART = ProblemType(
    name="malformed-multipart",
    status=HTTPStatus.BAD_REQUEST,
    title="The multipart body is broken",
    advice="Let a library write the body, and send the Content-Type (with its boundary) that it"
    " gives (RFC 7578).",
)
NO_FILE = ProblemType(
    name="no-file",
    status=HTTPStatus.BAD_REQUEST,
    title="There is no file in the submission",
    advice="Add at least one part with a file name that holds a photo or a video.",
)
UNAUTHORIZED = ProblemType(
    name="unauthorized",
    status=HTTPStatus.UNAUTHORIZED,
    title="The key is missing or unknown",
    advice="Send your key as 'Authorization: Bearer KEY' or as 'X-Api-Key: KEY'. Whoever runs this"
    " service gives out keys.",
)
CROSS_SITE = ProblemType(
    name="cross-site",
    status=HTTPStatus.FORBIDDEN,
    title="A web page of another site sent this",
    advice="While no keys are configured, only programs on the same machine may use this service;"
    " pages of other sites in a browser may not. Configure keys and send one.",
)
WRONG_MAILBOX = ProblemType(
    name="wrong-mailbox",
    status=HTTPStatus.FORBIDDEN,
    title="You do not watch this mailbox",
    advice="Only a client that the service is told to trust may hand in mails of a mailbox, because"
    " its word decides which mails are the same. Whoever runs this service names such clients.",
)
NOT_FOUND = ProblemType(
    name="not-found",
    status=HTTPStatus.NOT_FOUND,
    title="There is nothing here",
    advice="Look at the address again. A submission is found under the status_url of the answer to"
    " its POST, and with the key that it was sent with.",
)
METHOD_NOT_ALLOWED = ProblemType(
    name="method-not-allowed",
    status=HTTPStatus.METHOD_NOT_ALLOWED,
    title="This method is not possible here",
    advice="The header field Allow names the methods that are; openapi.yaml says what they do.",
)
UPLOAD_MISSING = ProblemType(
    name="upload-missing",
    status=HTTPStatus.CONFLICT,
    title="An upload is not complete",
    advice="Put the whole file, with as many bytes as you have declared, to the url that"
    " POST /v1/uploads gave you before it expires; then send the submission again. An upload serves"
    " one submission.",
)
MESSAGE_GONE = ProblemType(
    name="message-gone",
    status=HTTPStatus.GONE,
    title="The message is not in the mailbox",
    advice="It was moved to another mailbox or deleted before it could be read. Hand it in with"
    " POST /v1/emails if you have it.",
)
TOO_SLOW = ProblemType(
    name="too-slow",
    status=HTTPStatus.REQUEST_TIMEOUT,
    title="The body came too slowly",
    advice="Send it again over a better connection. With the same Idempotency-Key nothing is taken"
    " twice.",
)
TOO_LARGE = ProblemType(
    name="too-large",
    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    title="The body is larger than the limit",
    advice="limit_bytes names the limit. Send the files in several submissions, or smaller ones.",
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    name="unsupported-media-type",
    status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    title="The body is of another media type",
    advice="POST /v1/submissions takes multipart/form-data, or application/json that names uploads;"
    " POST /v1/emails takes message/rfc822; POST /v1/emails/by-reference and POST /v1/uploads take"
    " application/json.",
)
EXPECTATION_FAILED = ProblemType(
    name="expectation-failed",
    status=HTTPStatus.EXPECTATION_FAILED,
    title="The expectation cannot be met",
    advice="The only Expect that we know is 100-continue (RFC 9110 section 10.1.1).",
)
WRONG_HOST = ProblemType(
    name="wrong-host",
    status=HTTPStatus.MISDIRECTED_REQUEST,
    title="This is not the host that was asked for",
    advice="While no keys are configured, this service answers under names of its own machine only"
    " (localhost, 127.0.0.1) and under its public base URL.",
)
INVALID_FIELD = ProblemType(
    name="invalid-field",
    status=HTTPStatus.UNPROCESSABLE_ENTITY,
    title="A field cannot be used",
    advice="field names the field, detail says what is wrong with it.",
)
INTERNAL_ERROR = ProblemType(
    name="internal-error",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    title="Something went wrong on our side",
    advice="Send it again later with the same Idempotency-Key. Whoever runs the service finds the"
    " cause in its log.",
)
DAMAGED = ProblemType(
    name="damaged",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    title="What is stored of the submission is damaged",
    advice="Asking again does not help. Whoever runs the service can mend it: the log names the"
    " submission, and its original and its media are stored apart.",
)
NO_DIRECT_UPLOAD = ProblemType(
    name="no-direct-upload",
    status=HTTPStatus.NOT_IMPLEMENTED,
    title="The service cannot give out upload URLs",
    advice="Send the files themselves to POST /v1/submissions, as multipart/form-data.",
)
NO_MAILBOX = ProblemType(
    name="no-mailbox",
    status=HTTPStatus.NOT_IMPLEMENTED,
    title="The service cannot read this mailbox by itself",
    advice="Hand the message in with POST /v1/emails, or let whoever runs this service give it"
    " access to the mailbox (MAIL_INGEST_GRAPH_MAILBOX).",
)
UNAVAILABLE = ProblemType(
    name="unavailable",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    title="A service that we need is not available",
    advice="Send it again after Retry-After with the same Idempotency-Key. GET /health/ready says"
    " what is missing.",
)
STORAGE_FULL = ProblemType(
    name="storage-full",
    status=HTTPStatus.INSUFFICIENT_STORAGE,
    title="There is no space left to store it",
    advice="Nothing of it was kept. Send it again once whoever runs the service has freed space.",
)

CATALOGUE: Mapping[str, ProblemType] = {
    kind.name: kind
    for kind in (
        EMPTY_BODY,
        INVALID_REQUEST,
        MALFORMED_MULTIPART,
        NO_FILE,
        UNAUTHORIZED,
        CROSS_SITE,
        WRONG_MAILBOX,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        UPLOAD_MISSING,
        MESSAGE_GONE,
        TOO_SLOW,
        TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        EXPECTATION_FAILED,
        WRONG_HOST,
        INVALID_FIELD,
        INTERNAL_ERROR,
        DAMAGED,
        NO_DIRECT_UPLOAD,
        NO_MAILBOX,
        UNAVAILABLE,
        STORAGE_FULL,
    )
}


def page(kind: ProblemType) -> str:
    """The page behind a problem's type, for people."""
    title = f"{kind.status.value} {kind.title}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<h1>{escape(title)}</h1><p>{escape(kind.advice)}</p><p><a href="/">About this service'
        "</a></p></html>"
    )
