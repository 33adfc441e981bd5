"""Composes the mails that we send: the answer to a submitter, and the notice to the desk. Pure.

The same answer gives the same bytes each time, Message-ID, Date and boundaries included, so that an
answer that is sent again after a crash is recognised as the same mail. RFC 3834 says how a machine
answers. Not here: sending, and who is answered (`mail_ingest.screen`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from mail_ingest.addresses import ascii_domain, mail_target
from mail_ingest.receipt import thumbnail_cid
from mail_ingest.render import LONGEST_SUBJECT, render_answer
from mail_ingest.screen import OWN_FIELD
from mail_ingest.visible import visible
from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shared.model import AnswerTo
    from shared.ports import Answer

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")  # visible ASCII: anything else is dropped
_QUOTED = "quoted-printable"  # passes every server, whatever it thinks of 8-bit
_MOST_REFERENCES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who answers: `newsroom` is the name that people read, `address` what they can write to.
    `suggestions`: whether answers also say what was seen in a picture.
    """

    newsroom: str
    address: str
    suggestions: bool = False

    def __post_init__(self) -> None:
        """Raises SettingsError."""
        if not self.address.isascii() or _recipient(self.address) is None:
            raise SettingsError(
                "MAIL_INGEST_FROM_ADDRESS",
                f"{self.address!r} is no address that mails can come from. Write one such as"
                " photos@newsroom.example.",
            )

    @property
    def domain(self) -> str:
        """The domain that our Message-IDs are made under."""
        return ascii_domain(self.address.rpartition("@")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    """A mail to be sent. `identity` is the left side of its Message-ID: letters, digits, dots and
    hyphens. `smtputf8` says that the recipient's address needs RFC 6531.
    """

    identity: str
    recipient: str
    content: bytes
    smtputf8: bool


def compose_answer(
    answer: Answer, *, sender: Sender, date: datetime, thumbnails: Mapping[int, bytes]
) -> OutgoingMail | None:
    """The answer as a mail, or None when its target is no address that can be written to.

    `date` must be the same each time. `thumbnails` are JPEGs by media number.
    """
    address = answer.submission.answer_to
    recipient = _recipient(address.target)
    if recipient is None:
        return None
    rendered = render_answer(
        answer,
        newsroom=sender.newsroom,
        cid_domain=sender.domain,
        thumbnails=thumbnails,
        suggestions=sender.suggestions,
    )
    message = _message(recipient, sender, rendered.subject, date)
    message["Auto-Submitted"] = "auto-replied"  # RFC 3834 section 5
    message.set_content(rendered.text, cte=_QUOTED)
    message.add_alternative(rendered.html, subtype="html", cte=_QUOTED)
    pictures = {thumbnail_cid(answer.reply_id, n, sender.domain): j for n, j in thumbnails.items()}
    _embed(message, pictures)
    return _outgoing(message, recipient, answer.reply_id, sender, thread=_thread(address))


def recipient_of(answer: Answer) -> str | None:
    """Where an answer by mail goes, or None when its target is no address that can be written
    to.
    """
    recipient = _recipient(answer.submission.answer_to.target)
    return None if recipient is None else recipient.addr_spec


def compose_notice(
    notice_id: str, *, subject: str, text: str, sender: Sender, recipient: str, date: datetime
) -> OutgoingMail | None:
    """A notice to the desk, or None when its address is none that can be written to."""
    address = _recipient(recipient)
    if address is None:
        return None
    message = _message(address, sender, visible(subject)[:LONGEST_SUBJECT], date)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.encode("utf-8", "replace").decode("utf-8"), cte=_QUOTED)
    return _outgoing(message, address, f"notice.{notice_id}", sender)


def _message(recipient: Address, sender: Sender, subject: str, date: datetime) -> EmailMessage:
    policy = SMTP if recipient.addr_spec.isascii() else SMTPUTF8
    message = EmailMessage(policy=policy)
    local_part, _, domain = sender.address.rpartition("@")
    message["From"] = Address(visible(sender.newsroom), local_part, ascii_domain(domain))
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = format_datetime(date)
    message["X-Auto-Response-Suppress"] = "All"  # what Exchange understands
    return message


def mail_identity(mail_id: str) -> str:
    """What a mail of ours is known by, made of letters, digits, dots and hyphens."""
    return re.sub(r"[^A-Za-z0-9-]+", ".", mail_id).strip(".")


def _outgoing(
    message: EmailMessage, recipient: Address, mail_id: str, sender: Sender, *, thread: bytes = b""
) -> OutgoingMail:
    """The fields of identity, and the bytes. Threading fields are put before, as they are: the
    library would encode long Message-IDs as if they were words.
    """
    identity = mail_identity(mail_id)
    message["Message-ID"] = f"<{identity}@{sender.domain}>"
    message[OWN_FIELD] = identity
    boundary = sha256(mail_id.encode()).hexdigest()[:24]
    for level, part in enumerate(message.walk()):
        if part.is_multipart():  # "=_" is in no quoted-printable and no base64 text
            part.set_boundary(f"=_{boundary}.{level}")
    return OutgoingMail(
        identity=identity,
        recipient=recipient.addr_spec,
        content=thread + message.as_bytes(),
        smtputf8=not recipient.addr_spec.isascii(),
    )


def _embed(message: EmailMessage, pictures: Mapping[str, bytes]) -> None:
    """Put pictures beside the HTML, which shows them by their Content-ID (RFC 2387)."""
    html = message.get_body(("html",))
    if not isinstance(html, EmailMessage):
        raise TypeError("the answer has no HTML part")
    for content_id, jpeg in pictures.items():
        html.add_related(jpeg, "image", "jpeg", cid=f"<{content_id}>", disposition="inline")


def _recipient(text: str) -> Address | None:
    target = mail_target(text)
    return None if target is None else Address("", *target)


def _thread(answer_to: AnswerTo) -> bytes:
    """In-Reply-To and References (RFC 5322 3.6.4): the first mail of the thread and the last."""
    parents = _MESSAGE_ID.findall(answer_to.in_reply_to)[:1]
    known = [_MESSAGE_ID.fullmatch(reference.strip()) for reference in answer_to.references]
    ids = list(dict.fromkeys([*(match[0] for match in known if match), *parents]))
    if len(ids) > _MOST_REFERENCES:
        ids = [ids[0], *ids[1 - _MOST_REFERENCES :]]
    lines = [f"In-Reply-To: {parents[0]}"] if parents else []
    if ids:
        lines.append("References: " + "\r\n ".join(ids))
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
