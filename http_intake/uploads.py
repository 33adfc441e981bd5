"""POST /v1/uploads: URLs to which a client puts large files itself, past this service.

Nothing is remembered: an upload's ID holds the size that was declared, and the blob's name the
client, so a submission can name no upload of another client, and none of another size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from http_intake.body import limited
from http_intake.json_body import read_json, require_json
from http_intake.problem_types import NO_DIRECT_UPLOAD, TOO_LARGE
from http_intake.problems import ProblemError
from shared.intake import upload_name

if TYPE_CHECKING:
    from starlette.requests import Request

    from http_intake.doors import Doors
    from shared.model import JsonObject
    from shared.ports import DirectUploads

UPLOAD_ID = r"^[0-9A-Za-z-]{1,64}-[1-9][0-9]{0,14}\Z"
_MAX_BODY_BYTES = 16 * 1024


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    size: Annotated[float, Meta(ge=1, lt=10**15, multiple_of=1)]  # 5.0 is an integer in JSON


class _Body(Struct, frozen=True, forbid_unknown_fields=True):
    """The body, with the limits that openapi.yaml names."""

    files: Annotated[tuple[_File, ...], Meta(min_length=1, max_length=100)]


def declared_size(upload_id: str) -> int:
    """How many bytes an upload was declared to have."""
    return int(upload_id.rpartition("-")[2])


def require_uploads(doors: Doors) -> DirectUploads:
    """What gives out URLs; raises ProblemError on a platform that has no such thing."""
    if doors.uploads is None:
        raise ProblemError(
            NO_DIRECT_UPLOAD,
            "This service cannot give out upload URLs. Send the files themselves to"
            " POST /v1/submissions, as multipart/form-data.",
        )
    return doors.uploads


async def offer_uploads(request: Request, *, client: str, doors: Doors) -> JsonObject:
    """The answer: an upload for each file of the body. Raises ProblemError."""
    uploads = require_uploads(doors)
    require_json(request.headers)
    body = await read_json(limited(request, _MAX_BODY_BYTES), _Body)
    sizes = [int(file.size) for file in body.files]
    largest, limit = max(sizes), doors.settings.media.max_media_bytes
    if largest > limit:
        raise ProblemError(
            TOO_LARGE,
            f"A file of {largest:,} bytes is larger than the limit of {limit:,} bytes. Send a"
            " smaller one.",
            limit_bytes=limit,
        )
    return {"uploads": [await _offer(size, client, uploads, doors) for size in sizes]}


async def _offer(size: int, client: str, uploads: DirectUploads, doors: Doors) -> JsonObject:
    upload_id = f"{doors.new_key()}-{size}"
    target = await uploads.url(upload_name(client, upload_id))
    return {
        "upload": upload_id,
        "url": target.url,
        "method": target.method,
        "headers": dict(target.headers),
        "expires_at": target.expires_at,
    }
