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
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from mail_ingest.receipt import receipt, thumbnail_cid
from mail_ingest.screen import OWN_FIELD
from mail_ingest.visible import visible
from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jinja2 import Environment

    from shared.model import AnswerTo
    from shared.ports import Answer

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")  # visible ASCII: anything else is dropped
_LOCAL_PART = re.compile(r"[^\s<>\"(),:;\\\[\]@\x00-\x20\x7f-\x9f]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_QUOTED = "quoted-printable"  # passes every server, whatever it thinks of 8-bit
_MOST_REFERENCES = 12
_LONGEST_SUBJECT = 150
_REPLY_PREFIX = re.compile(r"\A((re|sv|aw|antw|vs|ref)\s*(\[\d+\])?\s*:\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who answers: `newsroom` is the name that people read, `address` what they can write to."""

    newsroom: str
    address: str

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
        return _ascii_domain(self.address.rpartition("@")[2])


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
    content = receipt(answer, thumbnails=thumbnails, cid_domain=sender.domain)
    values = {"receipt": content, "newsroom": sender.newsroom}
    message = _message(recipient, sender, _subject(answer.submission.subject), date)
    message["Auto-Submitted"] = "auto-replied"  # RFC 3834 section 5
    message.set_content(_render("answer.txt.jinja", values), cte=_QUOTED)
    message.add_alternative(_render("answer.html.jinja", values), subtype="html", cte=_QUOTED)
    pictures = {thumbnail_cid(answer.reply_id, n, sender.domain): j for n, j in thumbnails.items()}
    _embed(message, pictures)
    return _outgoing(message, recipient, answer.reply_id, sender, thread=_thread(address))


def compose_notice(
    notice_id: str, *, subject: str, text: str, sender: Sender, recipient: str, date: datetime
) -> OutgoingMail | None:
    """A notice to the desk, or None when its address is none that can be written to."""
    address = _recipient(recipient)
    if address is None:
        return None
    message = _message(address, sender, visible(subject)[:_LONGEST_SUBJECT], date)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.encode("utf-8", "replace").decode("utf-8"), cte=_QUOTED)
    return _outgoing(message, address, f"notice.{notice_id}", sender)


def _message(recipient: Address, sender: Sender, subject: str, date: datetime) -> EmailMessage:
    policy = SMTP if recipient.addr_spec.isascii() else SMTPUTF8
    message = EmailMessage(policy=policy)
    local_part, _, domain = sender.address.rpartition("@")
    message["From"] = Address(visible(sender.newsroom), local_part, _ascii_domain(domain))
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = format_datetime(date)
    message["X-Auto-Response-Suppress"] = "All"  # what Exchange understands
    return message


def _outgoing(
    message: EmailMessage, recipient: Address, mail_id: str, sender: Sender, *, thread: bytes = b""
) -> OutgoingMail:
    """The fields of identity, and the bytes. Threading fields are put before, as they are: the
    library would encode long Message-IDs as if they were words.
    """
    identity = re.sub(r"[^A-Za-z0-9-]+", ".", mail_id).strip(".")
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
    local_part, _, domain = text.rpartition("@")
    ascii_domain = _ascii_domain(domain)
    if _LOCAL_PART.fullmatch(local_part) is None or _DOMAIN.fullmatch(ascii_domain) is None:
        return None
    return Address("", local_part, ascii_domain)


def _ascii_domain(domain: str) -> str:
    """A domain as DNS has it (RFC 5890), or nothing when it cannot be one."""
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _subject(subject: str) -> str:
    bare = _REPLY_PREFIX.sub("", visible(subject[:1000]))[:_LONGEST_SUBJECT].strip()
    return f"Re: {bare}" if bare else "Re: your mail"


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


def _render(template: str, values: Mapping[str, object]) -> str:
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    # Imported here because it takes a tenth of a second, which a command line need not wait.
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("mail_ingest"),
        autoescape=select_autoescape(("html.jinja",)),
        undefined=StrictUndefined,
        auto_reload=False,  # templates do not change while we run
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
