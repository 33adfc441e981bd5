"""What a describer child process reads and writes: one JSON object a line.

The parent starts ``python -m describer --worker`` with MAIL_INGEST_* settings in the environment.
The child prints one `Ready` line, then answers every `Request` line on its standard input with one
`Response` line on its standard output, in order. Nothing else goes to standard output; log lines
go to standard error as JSON. It ends with exit code 0 when its standard input is closed. A job that
takes too long is ended by killing the process.

Where its standard input is a Unix socket, each request comes with the media as an open descriptor
(describer/request_lines.py), and the child can open no other file.

Encode with `shared.codec.to_json` (bytes become base64 text) and decode with `from_json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.description import Description
from shared.model import Kind


class Status(StrEnum):
    """How one request ended. Only ``unavailable`` can be cured by trying again."""

    DESCRIBED = "described"
    UNREADABLE = "unreadable"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One thing that confines a describer, whether it holds on this machine, and what that means or
    why not.
    """

    name: str
    holds: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The first line: the process is warm. `provider` names the description blobs."""

    provider: str  # "<provider>-<version>"
    ready: bool = True
    confinement: tuple[Mechanism, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One media item to describe. Who sends it opens `path`, unless it goes by a pipe."""

    job_id: str
    path: str
    kind: Kind
    media_type: str  # what the content is, not what its sender claimed
    file_name: str = ""
    media_url: str = ""  # where a third party may fetch it, in the mode that sends a URL
    traceparent: str = ""  # W3C; what is logged on the way carries its trace ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The answer to one request.

    `description` and `thumbnail` (a JPEG, at most 320 pixels wide and high) are there when it is
    described, `reason` is a sentence when it is not. `retry_after_s` is there when an unavailable
    service asked for a pause. `took_s` is for whoever asked to fill in.
    """

    job_id: str  # empty when the request line could not be read
    status: Status
    description: Description | None = None
    thumbnail: bytes = b""
    reason: str = ""
    retry_after_s: float | None = None
    took_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How an item of a container job ended, as a blob beside its job.

    `told` says that the event media.described was taken where it was sent. `took_s` is how long the
    describer took; an older image does not say it.
    """

    job_id: str
    status: Status
    reason: str = ""
    retry_after_s: float | None = None
    told: bool = False
    took_s: float | None = None
