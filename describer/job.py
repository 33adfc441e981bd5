"""One description job as a container: media by URL in; description, thumbnail and event out.

Its environment, beside the MAIL_INGEST_* settings: JOB_ID, MEDIA_URL (https or file), MEDIA_KIND
(photo or video), MEDIA_TYPE, FILE_NAME, RESULT_URL and THUMBNAIL_URL (where to PUT them; https or
file), DESCRIPTION_BLOB (the name that the event gives to the description), EVENT_URL with EVENT_KEY
and EVENT_KEY_HEADER (where to POST the CloudEvent media.described).
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from describer.protocol import Request, Response, Status
from describer.transfer import Transfer, TransferError
from describer.worker import respond
from shared.codec import to_json
from shared.errors import SettingsError
from shared.model import CloudEvent, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from describer.describe import Describer

logger = logging.getLogger(__name__)

# shared.events says the same; a test holds both together.
_SOURCE, _TYPE = "/mail_ingest", "org.mail-ingest.media.described.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one container is told to do."""

    job_id: str
    media_url: str
    kind: Kind
    media_type: str
    result_url: str
    event_url: str
    file_name: str = ""
    thumbnail_url: str = ""
    description_blob: str = ""
    event_headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Job:
        """Read the job from the environment. Raises SettingsError, naming the variable."""
        key = env.get("EVENT_KEY", "")
        return cls(
            job_id=_required(env, "JOB_ID"),
            media_url=_required(env, "MEDIA_URL"),
            kind=_kind(env),
            media_type=_required(env, "MEDIA_TYPE"),
            result_url=_required(env, "RESULT_URL"),
            event_url=_required(env, "EVENT_URL"),
            file_name=env.get("FILE_NAME", ""),
            thumbnail_url=env.get("THUMBNAIL_URL", ""),
            description_blob=env.get("DESCRIPTION_BLOB", ""),
            event_headers=((env.get("EVENT_KEY_HEADER") or "aeg-sas-key", key),) if key else (),
        )


def run_job(job: Job, describer: Describer) -> int:
    """Describe and report. 0 when it is reported, 1 when it should be tried again."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            response = _describe(describer, job, Path(folder))
        if response.status is Status.UNAVAILABLE:
            logger.warning(
                "description unavailable",
                extra={"action": "description_unavailable", "reason": response.reason},
            )
            return 1
        _report(job, response)
    except TransferError as exc:
        logger.error("transfer failed", extra={"action": "transfer_failed", "reason": str(exc)})  # noqa: TRY400 - the sentence is enough
        return 1
    return 0


def event_of(job: Job, response: Response, now: datetime) -> CloudEvent:
    """The CloudEvent media.described, as shared.events makes it."""
    submission_id = job.job_id.rpartition(":")[0]
    return CloudEvent(
        id=f"media.described.v1:{job.job_id}",
        source=_SOURCE,
        type=_TYPE,
        subject=f"submissions/{submission_id}",
        time=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        data={
            "job_id": job.job_id,
            "status": response.status.value,
            "description_blob": job.description_blob if response.description else "",
            "reason": response.reason,
        },
    )


def _describe(describer: Describer, job: Job, folder: Path) -> Response:
    path = folder / "media"
    Transfer().download(job.media_url, path)
    request = Request(
        job_id=job.job_id,
        path=str(path),
        kind=job.kind,
        media_type=job.media_type,
        file_name=job.file_name,
        media_url=job.media_url,
    )
    return respond(describer, request)


def _report(job: Job, response: Response) -> None:
    """The event goes last: whoever hears it finds the description."""
    transfer = Transfer()
    if response.description is not None:
        if job.thumbnail_url:
            transfer.put(job.thumbnail_url, response.thumbnail, "image/jpeg")
        transfer.put(job.result_url, to_json(response.description), "application/json")
    now = datetime.now(UTC)  # noqa: TID251 - a program of its own has no Clock port
    transfer.post(job.event_url, to_json(event_of(job, response, now)), dict(job.event_headers))


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise SettingsError(name, "is missing.")
    return value


def _kind(env: Mapping[str, str]) -> Kind:
    try:
        return Kind(_required(env, "MEDIA_KIND"))
    except ValueError as exc:
        raise SettingsError("MEDIA_KIND", "write photo or video.") from exc
