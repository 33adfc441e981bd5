"""The work of a container: fetch each photo or video, have it described, file the results, tell.

The files are opened by a process of their own (describer/supervised.py). An item ends in a report;
one that has none, or an unavailable one, is to be tried again by whoever started the container.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from describer.protocol import Report, Request, Response, Status
from describer.transfer import Transfer, TransferError
from shared.codec import to_json
from shared.model import CloudEvent

if TYPE_CHECKING:
    from describer.assignment import Assignment, Item

logger = logging.getLogger(__name__)

# shared.events says the same; a test holds both together.
_SOURCE, _TYPE = "/mail_ingest", "org.mail-ingest.media.described.v1"


class AnyDescriber(Protocol):
    """Whoever answers requests."""

    async def describe(self, request: Request, within_s: float) -> Response:
        """The response, whatever the file is like."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerJob:
    """Works off an assignment, one item after the other."""

    assignment: Assignment
    describer: AnyDescriber
    transfer: Transfer = field(default_factory=Transfer)

    async def run(self) -> int:
        """0 when every item has ended, 1 when some are to be tried again."""
        ended = [await self._run(item) for item in self.assignment.items]
        return 0 if all(ended) else 1

    async def _run(self, item: Item) -> bool:
        try:
            response = await self._response(item)
            await asyncio.to_thread(self._report, item, response)
        except TransferError as exc:
            logger.error(  # noqa: TRY400 - the sentence is enough
                "transfer failed",
                extra={"action": "transfer_failed", "job_id": item.job_id, "reason": str(exc)},
            )
            return False
        return response.status is not Status.UNAVAILABLE

    async def _response(self, item: Item) -> Response:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "media"
            await asyncio.to_thread(self.transfer.download, item.media_url, path)
            request = Request(
                job_id=item.job_id,
                path=str(path),
                kind=item.kind,
                media_type=item.media_type,
                file_name=item.file_name,
                media_url=item.media_url,
                traceparent=item.traceparent,
            )
            return await self.describer.describe(request, item.within_s)

    def _report(self, item: Item, response: Response) -> None:
        """First the results, so that whoever hears of them finds them; the report goes last."""
        if response.description is not None:
            if response.thumbnail:
                self.transfer.put(item.thumbnail_url, response.thumbnail, "image/jpeg")
            description = to_json(response.description)
            self.transfer.put(item.result_url, description, "application/json")
        report = Report(
            job_id=item.job_id,
            status=response.status,
            reason=response.reason,
            retry_after_s=response.retry_after_s,
            told=response.status is not Status.UNAVAILABLE and self._tell(item, response),
            took_s=response.took_s,
        )
        self.transfer.put(item.report_url, to_json(report), "application/json")

    def _tell(self, item: Item, response: Response) -> bool:
        """Post the event; when that fails, the report says so and its reader tells."""
        if not self.assignment.event_url:
            return False
        now = datetime.now(UTC)  # noqa: TID251 - a program of its own has no Clock port
        event = to_json(event_of(item, response, now))
        try:
            self.transfer.post(
                self.assignment.event_url, event, dict(self.assignment.event_headers)
            )
        except TransferError as exc:
            logger.warning(
                "event not sent",
                extra={"action": "event_not_sent", "job_id": item.job_id, "reason": str(exc)},
            )
            return False
        return True


def event_of(item: Item, response: Response, now: datetime) -> CloudEvent:
    """The CloudEvent media.described, as shared.events makes it."""
    submission_id = item.job_id.rpartition(":")[0]
    return CloudEvent(
        id=item.event_id or f"media.described.v1:{item.job_id}",
        source=_SOURCE,
        type=_TYPE,
        subject=f"submissions/{submission_id}",
        time=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        data={
            "job_id": item.job_id,
            "status": response.status.value,
            "description_blob": item.description_blob if response.description else "",
            "reason": response.reason,
        },
        traceparent=item.traceparent or None,
    )
