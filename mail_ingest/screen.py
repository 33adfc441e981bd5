"""Who gets no answer, and where an answer goes (RFC 3834). Pure: values in, values out.

A mail that gets no answer is taken in all the same; nothing is lost. How many answers go out in a
day is counted elsewhere (`shared.answer_limits`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from mail_ingest.addresses import address_somewhere_in, ascii_domain, mail_target
from shared.model import AnswerTo, Channel

if TYPE_CHECKING:
    from mail_ingest.addresses import Address
    from mail_ingest.message import Message

OWN_FIELD = "X-Mail-Ingest-Reply"  # stands in every mail that we send
_MOST_REFERENCES = 20
_CLOCK_ERROR = timedelta(minutes=10)  # of a sender whose Date is not called one of the future
_BULK = frozenset({"bulk", "junk", "list"})
_REPORTS = frozenset({"multipart/report", "message/delivery-status"})
_ROBOT = re.compile(
    r"(mailer-daemon|postmaster|(do[-_.]?)?no[t]?[-_.]?reply|bounces?|listserv|majordomo)"
    r"([-+._=].*)?|(owner|request)-.*|.*-(request|owner|bounces?|noreply|no-reply)",
    re.IGNORECASE,
)


class NoAnswer(StrEnum):
    """Why a mail gets no answer: the closed list. `NO_ANSWER_SENTENCES` says each to a person."""

    OURSELVES = "ourselves"
    AUTO_SUBMITTED = "auto_submitted"
    REPORT = "report"
    NULL_SENDER = "null_sender"
    MAILING_LIST = "mailing_list"
    BULK = "bulk"
    ROBOT_ADDRESS = "robot_address"
    NO_ADDRESS = "no_address"
    FORGED = "authentication_failed"
    TOO_OLD = "too_old"
    REPLAYED = "replayed"


NO_ANSWER_SENTENCES: dict[NoAnswer, str] = {
    NoAnswer.OURSELVES: "The mail came from this system.",
    NoAnswer.AUTO_SUBMITTED: "The mail was written by a machine (Auto-Submitted).",
    NoAnswer.REPORT: "The mail is a report on the delivery of another mail.",
    NoAnswer.NULL_SENDER: "The mail has the empty return path, which asks for no answer.",
    NoAnswer.MAILING_LIST: "The mail came by a mailing list.",
    NoAnswer.BULK: "The mail is marked as bulk mail.",
    NoAnswer.ROBOT_ADDRESS: "The sender's address is one that nobody reads.",
    NoAnswer.NO_ADDRESS: "The mail names no address that mail can be sent to.",
    NoAnswer.FORGED: (
        "Our mail server found that the sender did not send it (DMARC, or both SPF and DKIM, fail)."
    ),
    NoAnswer.TOO_OLD: "The mail is too old (MAIL_INGEST_ANSWER_MAX_AGE_DAYS).",
    NoAnswer.REPLAYED: "The mail was replayed, which answers nobody without --answer.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenPolicy:
    """What is ours, in lower case: addresses, and the names of our mail servers in Received fields;
    and how old a mail may be that is answered.
    """

    own_addresses: frozenset[str] = field(default_factory=frozenset[str])
    own_servers: frozenset[str] = field(default_factory=frozenset[str])
    max_age_days: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When and how a mail came to us. `at` is RFC 3339. `is_receipt`: it is when our mail server
    received the mail, and not when a file was made of it. `answer`: it may be answered at all.
    """

    now: datetime
    at: str
    is_receipt: bool = False
    answer: bool = True


def answer_to(
    message: Message, *, envelope_sender: str | None, policy: ScreenPolicy, arrival: Arrival
) -> AnswerTo:
    """Where the answer to a mail goes, threaded to it, or why there is none.

    `envelope_sender` is SMTP's MAIL FROM, empty for the null path; None when only the message is
    known, and then its Return-Path counts.
    """
    envelope = message.return_path if envelope_sender is None else envelope_sender
    target = _answer_address(message, envelope)
    reason = screen(message, envelope=envelope, target=target, policy=policy)
    if reason is not None or target is None:
        return AnswerTo(channel=Channel.NONE, reason=reason or NoAnswer.NO_ADDRESS)
    if old := _why_too_old(message, arrival, policy):
        return AnswerTo(channel=Channel.NONE, reason=NoAnswer.TOO_OLD, detail=old)
    if not arrival.answer:
        return AnswerTo(channel=Channel.NONE, reason=NoAnswer.REPLAYED)
    return AnswerTo(
        channel=Channel.MAIL,
        target=target.spec,
        in_reply_to=message.message_id,
        references=_thread(message),
        proven=_is_proven(target, message),
    )


def no_answer_sentence(answer_to: AnswerTo) -> str:
    """Why there is no answer, for a person: the sentence of the reason, and its detail."""
    known = answer_to.reason in NoAnswer
    sentence = NO_ANSWER_SENTENCES[NoAnswer(answer_to.reason)] if known else answer_to.reason
    return f"{sentence} {answer_to.detail}".strip()


def screen(
    message: Message, *, envelope: str | None, target: Address | None, policy: ScreenPolicy
) -> NoAnswer | None:
    """Why a mail gets no answer, or None. The first reason wins.

    `envelope` is the return path, None if unknown; `target` is whom an answer would go to.
    """
    if OWN_FIELD.lower() in message.field_names or _is_own(message, target, policy):
        return NoAnswer.OURSELVES
    if reason := _machine(message):
        return reason
    if envelope is not None and not envelope.strip(" <>"):  # RFC 3834 section 2
        return NoAnswer.NULL_SENDER
    if target is None or mail_target(target.spec) is None:
        return NoAnswer.NO_ADDRESS
    if any(_ROBOT.fullmatch(a.local_part) for a in (target, message.author) if a):
        return NoAnswer.ROBOT_ADDRESS
    if _is_forged(message):
        return NoAnswer.FORGED
    return None


def _is_forged(message: Message) -> bool:
    """Whether our server found that somebody else sent it: an answer would go to a victim."""
    found = message.authentication
    if found.dmarc == "fail":
        return True
    return found.dmarc != "pass" and found.spf == found.dkim == "fail"


def _is_proven(target: Address, message: Message) -> bool:
    """Whether the target's domain, or one above it, has sent the mail. A domain below proves
    nothing: below a hoster's domain anybody may have one.
    """
    domain = ascii_domain(target.domain)
    return any(domain == each or domain.endswith(f".{each}") for each in message.proven_domains)


def _why_too_old(message: Message, arrival: Arrival, policy: ScreenPolicy) -> str:
    """By which time a mail is too old to be answered, in a sentence; empty if it is not."""
    basis, time = _time_of(message, arrival, policy)
    if arrival.now - time <= timedelta(days=policy.max_age_days):
        return ""
    return f"{basis} {time.date().isoformat()}."


def _time_of(message: Message, arrival: Arrival, policy: ScreenPolicy) -> tuple[str, datetime]:
    """When a mail was sent or received, and what says so. Our own servers' word comes first; a
    Date that is missing, unreadable or of the future says nothing.
    """
    latest = arrival.now + _CLOCK_ERROR
    if arrival.is_receipt and (received := _moment(arrival.at)):
        return "Our mail server received it on", received
    hops = [(hop.by, at) for hop in message.received if (at := _moment(hop.at)) and at <= latest]
    if ours := [at for by, at in hops if by in policy.own_servers]:
        return "Our mail server received it on", max(ours)
    if (date := _moment(message.date)) and date <= latest:
        return "Its Date is", date
    if hops:
        return "Its Date cannot be used; a mail server received it on", max(at for _, at in hops)
    came = _moment(arrival.at) or arrival.now
    return "Its Date cannot be used and no server says when it came; it came here on", came


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _machine(message: Message) -> NoAnswer | None:
    """What the header says of a machine that sent it.

    X-Auto-Response-Suppress is no such sign: Outlook's users send it too.
    """
    if message.auto_submitted != "no":  # RFC 3834 section 2
        return NoAnswer.AUTO_SUBMITTED
    if message.media_type in _REPORTS:  # RFC 3834 section 2: never answer a notification
        return NoAnswer.REPORT
    if any(name.startswith("list-") for name in message.field_names):  # RFC 2369, RFC 2919
        return NoAnswer.MAILING_LIST
    if message.precedence in _BULK:
        return NoAnswer.BULK
    return None


def _answer_address(message: Message, envelope: str | None) -> Address | None:
    """The envelope's author (RFC 3834 section 4): the return path, if we know it.

    Reply-To is never used: it is where people want the answers of people, and it can name a list.
    A mail without any return path (a stored file, say) is answered to its author.
    """
    return message.author if envelope is None else address_somewhere_in(envelope)


def _is_own(message: Message, target: Address | None, policy: ScreenPolicy) -> bool:
    senders = (target, message.author, message.sender)
    return any(a.spec.lower() in policy.own_addresses for a in senders if a)


def _thread(message: Message) -> tuple[str, ...]:
    """The References of the answer (RFC 5322 3.6.4): the mail's own and the mail itself. Of a long
    thread the root and the latest are kept.
    """
    parent = message.in_reply_to if len(message.in_reply_to) == 1 else ()
    before = message.references or parent
    whole = (*before, message.message_id) if message.message_id else before
    return whole if len(whole) <= _MOST_REFERENCES else whole[:1] + whole[1 - _MOST_REFERENCES :]
