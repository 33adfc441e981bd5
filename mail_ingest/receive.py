"""One raw message end to end: stream, split, sniff, store, and be accepted (`shared.reception`).

The original and every photo and video go to their blobs as they stream; memory stays flat at any
size. Until the record is written nothing of a message is visible, and after any failure nothing of
it stays. Not here: where messages come from (`mail_ingest.poll`, `mail_ingest.replay`, the SMTP and
HTTP doors).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from mail_ingest.collect import MediaCollector, MediaLimits
from mail_ingest.content import ContentSorter
from mail_ingest.draft import Draft
from mail_ingest.message import read_message
from mail_ingest.mime.limits import Limits
from mail_ingest.mime.reader import MimeReader
from mail_ingest.ports import SOURCE
from mail_ingest.screen import Arrival, ScreenPolicy, answer_to
from shared.errors import OtherSubmissionError, TooLargeError
from shared.ids import author_key, blob_prefix, submission_id
from shared.intake import original_name
from shared.model import BlobRef, Submission, Submitter
from shared.reception import receive_once

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from mail_ingest.body_text import BodyContent
    from mail_ingest.message import Message
    from mail_ingest.mime.events import Event
    from shared.intake import Accepted, Intake
    from shared.ports import BlobStore
    from shared.reception import IsSame

_BLOCK_BYTES = 256 * 1024
_SMALL_BYTES = 64 * 1024  # up to here a message is worked on without a thread, in about 2 ms
_MOST_DEFECTS = 100
_MOST_PEEKED_BYTES = 1 << 20
_HEADER_END = re.compile(rb"\r?\n\r?\n")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOrigin:
    """Where a message comes from. `source` and `key` make its submission ID (`shared.ids`).

    `received_at` is RFC 3339 in UTC. `envelope_sender` is SMTP's MAIL FROM, empty for the null
    path; None where only the message is known. `client` is who handed it in over HTTP.
    `from_exchange`: it is out of a mailbox of Exchange, which says when it received the mail and
    what it found out about the sender. `answer`: its sender may be answered.
    """

    source: str
    key: str
    received_at: str
    envelope_sender: str | None = None
    client: str = ""
    from_exchange: bool = False
    answer: bool = True

    @property
    def submission_id(self) -> str:
        """The ID that the submission has, or will have."""
        return submission_id(self.source, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivePolicy:
    """The limits and what is ours."""

    max_message_bytes: int = 200 << 20
    limits: Limits = field(default_factory=Limits)
    media: MediaLimits = field(default_factory=MediaLimits)
    screen: ScreenPolicy = field(default_factory=ScreenPolicy)
    authserv_id: str = ""  # our own server's name in Authentication-Results (RFC 8601)


async def receive(
    chunks: AsyncIterator[bytes], *, origin: MailOrigin, intake: Intake, policy: ReceivePolicy
) -> Accepted:
    """Take one message in; durable on return. The same origin again gives the first record.

    Raises TooLargeError, StorageFullError, ServiceUnavailableError, and whatever `chunks` raises;
    then nothing of the message stays, and all of it can be sent again.
    """
    mail = _PeekableMail(chunks)

    async def is_same(first: Submission) -> bool:
        author = await mail.author() if origin.source == SOURCE else ""
        known = first.submitter.address
        return not author or not known or author.lower() == known.lower()

    async def take(origin: MailOrigin, is_same: IsSame | None = None) -> Accepted:
        async def read(chunks: AsyncIterator[bytes], folder: str) -> Submission:
            now = intake.clock.now()
            return await _Reception(intake.blobs, folder, origin, policy, now).store(chunks)

        return await receive_once(intake, origin.submission_id, mail, read, is_same=is_same)

    try:
        return await take(origin, is_same)
    except OtherSubmissionError:  # two senders chose one Message-ID, and came in one second
        other = replace(origin, key=author_key(origin.key, await mail.author()))
        facts = {"action": "message_id_shared", "submission_id": other.submission_id}
        logger.warning("two senders share a Message-ID", extra=facts)
        return await take(other)


class _PeekableMail:
    """A raw mail whose author can be asked for before it is read."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = aiter(chunks)
        self._peeked = b""
        self._author: str | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._peeked:
            chunk, self._peeked = self._peeked, b""
            return chunk
        return await anext(self._chunks)

    async def author(self) -> str:
        """The address of the author, or nothing. To be asked before the first chunk is taken."""
        if self._author is None:
            found = read_message(await self._header()).author
            self._author = found.spec if found else ""
        return self._author

    async def _header(self) -> bytes:
        while len(self._peeked) < _MOST_PEEKED_BYTES:
            if end := _HEADER_END.search(self._peeked):
                return self._peeked[: end.start()]
            chunk = await anext(self._chunks, b"")
            if not chunk:
                break
            self._peeked += chunk
        return self._peeked


async def preview(
    chunks: AsyncIterator[bytes],
    *,
    origin: MailOrigin,
    blobs: BlobStore,
    now: datetime,
    policy: ReceivePolicy,
) -> Submission:
    """The record that `receive` would make of a message; `blobs` is for what it reads meanwhile,
    and may be thrown away. Raises as `receive`.
    """
    folder = blob_prefix(origin.submission_id)
    return await _Reception(blobs, folder, origin, policy, now).store(chunks)


class _Reception:
    """One message on its way in."""

    def __init__(
        self,
        blobs: BlobStore,
        folder: str,
        origin: MailOrigin,
        policy: ReceivePolicy,
        now: datetime,
    ) -> None:
        self._now = now
        self._blobs = blobs
        self._folder = folder
        self._origin = origin
        self._policy = policy
        self._reader = MimeReader(policy.limits)
        self._digest = hashlib.sha256()
        self._size = 0
        self._collector = MediaCollector(blobs, folder, policy.media)
        self._content = ContentSorter(self._collector)

    async def store(self, chunks: AsyncIterator[bytes]) -> Submission:
        """Read it to the end; all blobs are stored on return."""
        name = original_name(self._folder)
        draft = await Draft.open(self._blobs, name, content_type="message/rfc822")
        try:
            await self._read(chunks, draft)
            content = await self._finish()
        except BaseException:
            await self._collector.abandon()
            await draft.drop()
            raise
        try:
            await self._collector.publish(draft)
            await self._collector.settle(content.cids)
        except BaseException:
            await self._collector.abandon()
            raise
        original = BlobRef(blob=name, size=self._size, sha256=self._digest.hexdigest())
        message = await self._in_time(self._read_message)
        return self._submission(original, content, message)

    async def _read(self, chunks: AsyncIterator[bytes], draft: Draft) -> None:
        async for block in _blocks(chunks):
            self._size += len(block)
            if self._size > self._policy.max_message_bytes:
                raise TooLargeError("The message", self._policy.max_message_bytes)
            events = await self._in_time(self._feed, block)
            await draft.write(block)
            await self._content.take(events)

    async def _finish(self) -> BodyContent:
        await self._content.take(await self._in_time(self._reader.close))
        return await self._in_time(self._content.body.read)

    def _feed(self, block: bytes) -> list[Event]:
        self._digest.update(block)
        return self._reader.feed(block)

    async def _in_time[**P, T](self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Small messages are worked on here; a large one must not hold up the event loop."""
        if self._size <= _SMALL_BYTES:
            return work(*args, **kwargs)
        return await asyncio.to_thread(work, *args, **kwargs)

    def _read_message(self) -> Message:
        return read_message(
            self._content.header,
            authserv_id=self._policy.authserv_id,
            from_exchange=self._origin.from_exchange,
        )

    def _submission(self, original: BlobRef, content: BodyContent, message: Message) -> Submission:
        return Submission(
            id=self._origin.submission_id,
            source=self._origin.source,
            received_at=self._origin.received_at,
            submitter=_submitter(message),
            answer_to=answer_to(
                message,
                envelope_sender=self._origin.envelope_sender,
                policy=self._policy.screen,
                arrival=Arrival(
                    now=self._now,
                    at=self._origin.received_at,
                    is_receipt=self._origin.from_exchange,
                    answer=self._origin.answer,
                ),
            ),
            client=self._origin.client,
            subject=message.subject,
            text=content.text,
            media=self._collector.media,
            left_out=self._collector.left_out,
            linked=content.linked,
            original=original,
            defects=(*message.defects, *self._content.defects)[:_MOST_DEFECTS],
        )


def _submitter(message: Message) -> Submitter:
    author = message.author
    return Submitter(
        address=author.spec if author else "",
        display_name=author.display_name if author else "",
        authentication=message.authentication,
    )


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces of at least a block: a small mail is one piece."""
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        if len(gathered) >= _BLOCK_BYTES:
            yield bytes(gathered)
            gathered = bytearray()
    if gathered:
        yield bytes(gathered)
