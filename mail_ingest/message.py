"""A message's header block -> `Message`: who wrote it, to whom, about what, and what is wrong.

Not here: body parts (`mail_ingest.mime`), and what follows from a header (`mail_ingest.screen`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from mail_ingest.addresses import Address, address_somewhere_in
from mail_ingest.authentication import (
    OUTSIDE_FIELD,
    authentication,
    believed,
    proven_domains,
)
from mail_ingest.mime import charsets, parameters
from mail_ingest.mime.encoded_words import decode_words
from mail_ingest.skeleton import read_skeleton
from mail_ingest.visible import visible
from shared.events import rfc3339
from shared.model import Authentication, Defect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COMPOSED_FIELD = (
    "X-Mail-Ingest-Composed"  # a mail that was put together because it could not be had
)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_COMMENT = re.compile(r"\([^()]*\)")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,998}>")  # RFC 5322 3.6.4; 2.1.1 bounds a line
_BY = re.compile(r"(?:^|\s)by\s+([^\s;]+)", re.IGNORECASE)  # RFC 5321 4.4
_MOST_HOPS = 50
_COMPOSED = (
    "The mail could not be had as it came; it was put together from its text and attachments."
)
_LONGEST_SUBJECT = 998
_LONGEST_VALUE = 65_536
_ONCE = ("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id")  # RFC 5322 3.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A Received field: which server took the message, in lower case, and when (RFC 3339 in UTC,
    empty if unreadable).
    """

    by: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the header of a message says. All text is decoded and on one line.

    `return_path` is empty for the null path and None when there is no such field. `auto_submitted`
    and `precedence` are keywords in lower case; `field_names` are all fields' names in lower case.
    """

    author: Address | None = None
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    subject: str = ""
    date: str = ""
    media_type: str = "text/plain"
    auto_submitted: str = "no"
    precedence: str = ""
    return_path: str | None = None
    field_names: frozenset[str] = field(default_factory=frozenset[str])
    authentication: Authentication = field(default_factory=Authentication)
    proven_domains: frozenset[str] = frozenset()  # that sent it, as our server found
    received: tuple[Hop, ...] = ()  # the newest first
    defects: tuple[Defect, ...] = ()


def read_message(header: bytes, *, authserv_id: str = "", from_exchange: bool = False) -> Message:
    """Read a header block. Never fails: what is wrong is in `defects`.

    `authserv_id` is the name of our own mail server in Authentication-Results; without it nothing
    is known of a sender's authentication, unless the message is out of a mailbox of Exchange.
    """
    fields = _by_name(header)
    first = {name: values[0] for name, values in fields.items()}
    skeleton = read_skeleton(first)
    people = skeleton.addresses
    author = next(iter(people.get("from", ())), None)
    author_domain = author.domain if author else ""
    return_path = first["return-path"].strip(" <>") if "return-path" in first else None
    results = () if _is_from_outside(fields) else fields.get("authentication-results", ())
    return Message(
        author=author,
        sender=address_somewhere_in(decode_words(first.get("sender", ""))),
        reply_to=people.get("reply-to", ()),
        to=people.get("to", ()),
        cc=people.get("cc", ()),
        message_id=next(iter(_message_ids(first.get("message-id", ""))), ""),
        in_reply_to=_message_ids(first.get("in-reply-to", "")),
        references=_message_ids(first.get("references", "")),
        subject=visible(decode_words(first.get("subject", "")))[:_LONGEST_SUBJECT],
        date=skeleton.date,
        media_type=parameters.parse(first.get("content-type", ""))[0] or "text/plain",
        auto_submitted=_auto_submitted(fields.get("auto-submitted", ())),
        precedence=_keyword(first.get("precedence", "")),
        return_path=return_path,
        field_names=frozenset(fields),
        authentication=authentication(
            results, authserv_id, from_exchange=from_exchange, author_domain=author_domain
        ),
        proven_domains=proven_domains(
            believed(results, authserv_id, from_exchange=from_exchange),
            author_domain=author_domain,
            envelope_domain=(return_path or "").rpartition("@")[2],
        ),
        received=tuple(_hop(value) for value in fields.get("received", ())[:_MOST_HOPS]),
        defects=(*skeleton.defects, *_structural_defects(fields)),
    )


def _is_from_outside(fields: Mapping[str, list[str]]) -> bool:
    """Whether our SMTP listener says so. Only where it writes it: a sender who could say it too
    would be rid of a verdict against it.
    """
    return tuple(fields)[:2] == ("return-path", OUTSIDE_FIELD.lower())


def _hop(value: str) -> Hop:
    route, _, date = _COMMENT.sub(" ", value[:2_000]).rpartition(";")
    by = _BY.search(route)
    try:
        moment = parsedate_to_datetime(date.strip())
        zone = moment.tzinfo or UTC  # RFC 5322 3.3: "-0000" is UTC without a place
        at = rfc3339(moment.replace(tzinfo=zone).astimezone(UTC))
    except (ValueError, OverflowError):
        at = ""
    return Hop(by=by[1].lower().rstrip(".") if by else "", at=at)


def _by_name(header: bytes) -> dict[str, list[str]]:
    """The fields' values by name in lower case, unfolded (RFC 5322 2.2.3), top to bottom."""
    fields: dict[str, list[str]] = {}
    for line in _FOLD.sub(b"", header).split(b"\n"):
        name, colon, value = line.partition(b":")
        key = name.strip().lower()
        if colon and key.isascii() and key and b" " not in key:
            text = charsets.from_header(value[:_LONGEST_VALUE])
            fields.setdefault(key.decode("ascii"), []).append(visible(_known_text(text)))
    return fields


def _known_text(text: str) -> str:
    """Text of 8-bit bytes in an unknown charset, guessed unless encoded words are to be decoded."""
    return text if text.isascii() else charsets.guess(charsets.to_bytes(text))


def _message_ids(value: str) -> tuple[str, ...]:
    return tuple(_MESSAGE_ID.findall(value))


def _auto_submitted(values: Iterable[str]) -> str:
    """The keyword (RFC 3834 section 5); of several fields the one that is not ``no``."""
    return next((word for value in values if (word := _keyword(value)) not in ("", "no")), "no")


def _keyword(value: str) -> str:
    """A value's first word in lower case, without comments and parameters."""
    words = _COMMENT.sub(" ", value[:1_000]).partition(";")[0].split()
    return words[0].lower() if words else ""


def _structural_defects(fields: Mapping[str, list[str]]) -> Iterable[Defect]:
    """RFC 5322 3.6: From and Date must be there, and some fields only once."""
    for name in ("from", "date"):
        if not any(fields.get(name, ())):
            yield _defect(f"The field {name.title()} is missing.")
    if COMPOSED_FIELD.lower() in fields:  # a stranger who writes it harms only his own record
        yield Defect(part="", clause="", sentence=_COMPOSED)
    for name in _ONCE:
        if len(fields.get(name, ())) > 1:
            yield _defect(
                f"The field {name.title()} stands there more than once; the first counts."
            )


def _defect(sentence: str) -> Defect:
    return Defect(part="", clause="RFC 5322 3.6", sentence=sentence)
