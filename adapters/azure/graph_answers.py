"""Writes our mails as drafts of Graph: answers in the thread of what they answer, and notices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mail_ingest.receipt import thumbnail_cid
from mail_ingest.render import render_answer
from mail_ingest.reply import compose_answer, mail_identity
from mail_ingest.screen import OWN_FIELD
from shared.errors import IngestError
from shared.ids import author_key, mailbox_key, submission_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from adapters.azure.graph_mail import GraphMail
    from adapters.azure.graph_outbox import GraphOutbox
    from mail_ingest.reply import OutgoingMail, Sender
    from shared.model import JsonObject
    from shared.ports import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerWriter:
    """An answer to somebody. `pictures` are thumbnails (JPEG) by media number."""

    mail: GraphMail
    outbox: GraphOutbox
    answer: Answer
    recipient: str
    pictures: Mapping[int, bytes]
    sender: Sender
    date: datetime

    async def begin(self) -> str:
        """See `DraftWriter.begin`: a reply to the message, or where there is none a mail that
        names it in its header.
        """
        original = await self._original()
        if original is None:
            return await self.outbox.draft(self._own_mail())
        fields = {
            OWN_FIELD: mail_identity(self.answer.reply_id),
            "X-Auto-Response-Suppress": "All",  # Graph lets no Auto-Submitted through
        }
        return await self.outbox.reply_to(original, fields)

    async def complete(self, draft_id: str) -> None:
        """See `DraftWriter.complete`."""
        rendered = render_answer(
            self.answer,
            newsroom=self.sender.newsroom,
            cid_domain=self.sender.domain,
            thumbnails=self.pictures,
            suggestions=self.sender.suggestions,
        )
        await self.outbox.write(
            draft_id, subject=rendered.subject, html=rendered.html, recipient=self.recipient
        )
        there = await self.outbox.attachment_names(draft_id) if self.pictures else set[str]()
        for number, jpeg in self.pictures.items():
            name = f"thumbnail-{number}.jpg"
            cid = thumbnail_cid(self.answer.reply_id, number, self.sender.domain)
            if name not in there:
                await self.outbox.attach_picture(draft_id, name=name, cid=cid, jpeg=jpeg)

    async def _original(self) -> str | None:
        """The message that is answered. Its Message-ID finds it, but only its sender chose that:
        the submission's ID proves it.
        """
        submission = self.answer.submission
        message_id = submission.answer_to.in_reply_to
        if not message_id:
            return None
        fields = ("id", "internetMessageId", "receivedDateTime", "from")
        for row in await self.mail.with_message_id(message_id, *fields):
            found = str(row.get("internetMessageId") or "")
            key = mailbox_key(self.mail.address, found, str(row.get("receivedDateTime") or ""))
            keys = (key, author_key(key, submission.submitter.address))
            if not _is_by_another(row, submission.submitter.address) and submission.id in {
                submission_id(submission.source, each) for each in keys
            }:
                return str(row["id"])
        return None

    def _own_mail(self) -> bytes:
        mail = compose_answer(self.answer, sender=self.sender, date=self.date, thumbnails={})
        if mail is None:
            raise IngestError("The address of the sender is none that mail can be sent to.")
        return mail.content


def _is_by_another(row: JsonObject, author: str) -> bool:
    """Whether Graph says that somebody else wrote a mail; two may share a Message-ID."""
    sender: JsonObject = row.get("from") or {}
    address: JsonObject = sender.get("emailAddress") or {}
    found = str(address.get("address") or "")
    return bool(found and author) and found.lower() != author.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeMailWriter:
    """A mail that is complete as it is."""

    outbox: GraphOutbox
    mail: OutgoingMail

    async def begin(self) -> str:
        """See `DraftWriter.begin`."""
        return await self.outbox.draft(self.mail.content)

    async def complete(self, draft_id: str) -> None:
        """See `DraftWriter.complete`: nothing is to be added."""
