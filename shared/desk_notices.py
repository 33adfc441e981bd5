"""Notices to the desk: each by itself while they are few, and one digest an hour for the rest.

Whoever sends mails that cannot be described or answered would otherwise fill the desk's mailbox,
one notice for each. Nothing is lost by it: the events and the log tell of each at once. A file of
its own because the activities send notices and the hosts send digests.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.codec import from_json, to_json
from shared.description import Description, adult_words
from shared.errors import BlobNotFoundError
from shared.ids import split_media_instance_id
from shared.intake import description_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.model import MediaItem
    from shared.ports import BlobStore, Clock, ReplyChannel, SubmissionIndex
    from shared.steps import Escalate

_FOLDER = "notices/"
_MOST_SCORES = 20  # in one notice
_MOST_LINES = 100  # of a digest; more are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What the desk is to be told."""

    notice_id: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskNotices:
    """The desk's mail. `per_hour` is how many notices go out by themselves in an hour (UTC)."""

    blobs: BlobStore
    index: SubmissionIndex
    replies: ReplyChannel
    clock: Clock
    per_hour: int

    async def send(self, notice: Notice) -> None:
        """Send a notice, or keep it for the digest; once, however often it is asked for. Raises
        ServiceUnavailableError.
        """
        hour = self._hour()
        by_itself = await self.index.take_answer(
            reply_id=f"notice|{notice.notice_id}",
            recipient=f"desk|{hour}",  # no address: it has no @
            day=hour.partition("T")[0],
            limit=self.per_hour,
        )
        if by_itself:
            await self.replies.notify_desk(notice.notice_id, notice.subject, notice.text)
            return
        name = hashlib.sha256(notice.notice_id.encode()).hexdigest()[:32]
        await self.blobs.put_new(
            f"{_FOLDER}{hour}/{name}.json", to_json(notice), content_type="application/json"
        )

    async def send_digests(self) -> None:
        """Send what the hours before this one have left, a mail for each. Raises
        ServiceUnavailableError; then what is left goes out the next time.
        """
        hours: defaultdict[str, list[str]] = defaultdict(list)
        async for name in self.blobs.list(_FOLDER):
            hours[name.split("/")[1]].append(name)
        hours.pop(self._hour(), None)
        for hour, names in hours.items():
            notices = [notice for name in names[:_MOST_LINES] if (notice := await self._get(name))]
            digest = _digest(hour, notices, len(names))
            await self.replies.notify_desk(digest.notice_id, digest.subject, digest.text)
            for name in names:
                await self.blobs.delete_prefix(name)

    async def _get(self, name: str) -> Notice | None:
        try:
            return from_json(await self.blobs.get(name), Notice, where=name)
        except BlobNotFoundError:  # another process has just sent it
            return None

    def _hour(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H")


def escalation(request: Escalate, file_name: str, scores: str) -> Notice:
    """The notice of an item that a person must look at; `scores` are `adult_scores`."""
    submission_id, number = split_media_instance_id(request.job_id)
    return Notice(
        notice_id=f"escalated-{request.job_id}",
        subject=f"Please look at {submission_id}, item {number}",
        text=f"{file_name}: {request.reason}\n\n{scores}"
        f"To decide: mail-ingest desk decide {submission_id} {number} --category CODE\n",
    )


async def adult_scores(
    blobs: BlobStore, media: Sequence[MediaItem], provider: tuple[str, str]
) -> str:
    """The adult scores of the items that are described by now, a line each, for a notice."""
    lines: list[str] = []
    for item in media[:_MOST_SCORES]:
        name = description_name(item.sha256, *provider)
        if await blobs.exists(name):
            description = from_json(await blobs.get(name), Description, where=name)
            if words := adult_words(description.safety.adult):
                lines.append(f"Item {item.number}, {item.file_name}: {words}\n")
    return "".join([*lines, "\n"] if lines else [])


def _digest(hour: str, notices: Sequence[Notice], count: int) -> Notice:
    ids = "\n".join(sorted(notice.notice_id for notice in notices))
    lines = [f"* {each.subject}\n  {each.text.partition('\n')[0]}" for each in notices]
    more = [f"And {count - len(lines)} more."] if count > len(lines) else []
    closing = "mail-ingest desk list shows all that waits; mail-ingest status ID tells of one."
    return Notice(
        notice_id=f"digest-{hour}-{hashlib.sha256(ids.encode()).hexdigest()[:16]}",
        subject=f"{count} more notices of {hour.replace('T', ', ')} h (UTC)",
        text="\n".join([*lines, *more, "", closing, ""]),
    )
