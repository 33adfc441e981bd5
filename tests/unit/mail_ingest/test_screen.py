"""Who gets no answer (RFC 3834), and where an answer goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mail_ingest.message import read_message
from mail_ingest.screen import (
    NO_ANSWER_SENTENCES,
    OWN_FIELD,
    Arrival,
    NoAnswer,
    ScreenPolicy,
    answer_to,
    no_answer_sentence,
)
from shared.model import AnswerTo, Channel

POLICY = ScreenPolicy(own_addresses=frozenset({"tips@news.example"}))
FROM = "From: kari@example.org"


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ARRIVAL = Arrival(now=NOW, at="2026-11-24T11:59:00Z")


def answer(
    *lines: str,
    envelope_sender: str | None = "kari@example.org",
    authserv_id: str = "mx.news.example",
    arrival: Arrival = ARRIVAL,
    policy: ScreenPolicy = POLICY,
) -> AnswerTo:
    header = "\r\n".join(lines).encode() + b"\r\n\r\n"
    message = read_message(header, authserv_id=authserv_id)
    return answer_to(message, envelope_sender=envelope_sender, policy=policy, arrival=arrival)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("Auto-Submitted: auto-replied",), NoAnswer.AUTO_SUBMITTED),
        (("Auto-Submitted: auto-generated (vacation)",), NoAnswer.AUTO_SUBMITTED),
        (("Content-Type: multipart/report; report-type=delivery-status",), NoAnswer.REPORT),
        (("List-Id: <l.example.org>",), NoAnswer.MAILING_LIST),
        (("List-Unsubscribe: <mailto:x@example.org>",), NoAnswer.MAILING_LIST),
        (("Precedence: bulk",), NoAnswer.BULK),
        (("Precedence: Junk",), NoAnswer.BULK),
        (("Precedence: list",), NoAnswer.BULK),
        ((f"{OWN_FIELD}: mail-abc",), NoAnswer.OURSELVES),
        (("Sender: tips@news.example",), NoAnswer.OURSELVES),
    ],
)
def test_a_machine_gets_no_answer(lines: tuple[str, ...], reason: NoAnswer) -> None:
    assert answer(FROM, *lines) == AnswerTo(channel=Channel.NONE, reason=reason)


@pytest.mark.parametrize(
    ("author", "envelope_sender", "reason"),
    [
        ("kari@example.org", "", NoAnswer.NULL_SENDER),
        ("kari@example.org", "<>", NoAnswer.NULL_SENDER),
        ("TIPS@news.example", "other@example.org", NoAnswer.OURSELVES),
        ("kari@example.org", "Tips@News.example", NoAnswer.OURSELVES),
        ("MAILER-DAEMON@example.org", "x@example.org", NoAnswer.ROBOT_ADDRESS),
        ("postmaster@example.org", "postmaster@example.org", NoAnswer.ROBOT_ADDRESS),
        ("no-reply@example.org", "x@example.org", NoAnswer.ROBOT_ADDRESS),
        ("noreply+7@example.org", "x@example.org", NoAnswer.ROBOT_ADDRESS),
        ("do_not_reply@example.org", "x@example.org", NoAnswer.ROBOT_ADDRESS),
        ("kari@example.org", "bounces+17=kari@lists.example", NoAnswer.ROBOT_ADDRESS),
        ("kari@example.org", "owner-talk@lists.example", NoAnswer.ROBOT_ADDRESS),
        ("kari@example.org", "talk-request@lists.example", NoAnswer.ROBOT_ADDRESS),
        ("kari@example.org", "not an address", NoAnswer.NO_ADDRESS),
        ("kari@example.org", "kari@exa_mple.org", NoAnswer.NO_ADDRESS),
        ("kari@example.org", f"kari@{'x' * 64}.org", NoAnswer.NO_ADDRESS),
        ("kari@example.org", f"{'x' * 65}@example.org", NoAnswer.NO_ADDRESS),
    ],
)
def test_some_addresses_get_no_answer(author: str, envelope_sender: str, reason: NoAnswer) -> None:
    assert answer(f"From: {author}", envelope_sender=envelope_sender).reason == reason


@pytest.mark.parametrize(
    "local_part", ["norah.eply", "noah", "bouncer", "postman", "lister", "nor"]
)
def test_people_with_such_names_get_one(local_part: str) -> None:
    address = f"{local_part}@example.org"
    assert answer(f"From: {address}", envelope_sender=address).target == address


def test_outlooks_users_get_one_although_they_suppress_automatic_answers() -> None:
    assert answer(FROM, "X-Auto-Response-Suppress: All", "Auto-Submitted: no").target


def test_an_answer_goes_to_the_envelope_and_never_to_reply_to() -> None:
    lines = (FROM, "Reply-To: everybody@lists.example", "Return-Path: <path@example.org>")
    assert answer(*lines, envelope_sender="env@example.org").target == "env@example.org"
    assert answer(*lines, envelope_sender=None).target == "path@example.org"
    assert answer(*lines[:2], envelope_sender=None).target == "kari@example.org"


def test_a_return_path_that_is_empty_counts_where_the_envelope_is_unknown() -> None:
    reason = answer(FROM, "Return-Path: <>", envelope_sender=None).reason
    assert reason == NoAnswer.NULL_SENDER


def test_a_mail_without_any_address_gets_none() -> None:
    assert answer("Subject: hi", envelope_sender=None).reason == NoAnswer.NO_ADDRESS


def test_an_answer_is_threaded_to_the_mail() -> None:
    plain = answer(FROM, "Message-ID: <c@x>", "References: <a@x> <b@x>", "In-Reply-To: <b@x>")
    assert plain.in_reply_to == "<c@x>"
    assert plain.references == ("<a@x>", "<b@x>", "<c@x>")
    assert answer(FROM, "Message-ID: <c@x>", "In-Reply-To: <b@x>").references == ("<b@x>", "<c@x>")
    two_parents = answer(FROM, "Message-ID: <c@x>", "In-Reply-To: <a@x> <b@x>")
    assert two_parents.references == ("<c@x>",)  # RFC 5322 3.6.4: only a single parent counts
    assert answer(FROM).references == ()


def test_of_a_long_thread_the_root_and_the_latest_are_kept() -> None:
    references = " ".join(f"<{n}@x>" for n in range(500))
    kept = answer(FROM, "Message-ID: <m@x>", f"References: {references}").references
    assert len(kept) == 20
    assert (kept[0], kept[-2], kept[-1]) == ("<0@x>", "<499@x>", "<m@x>")


@pytest.mark.parametrize("reason", NoAnswer)
def test_each_reason_has_its_sentence(reason: NoAnswer) -> None:
    assert NO_ANSWER_SENTENCES[reason].endswith(".")


def found(verdicts: str) -> str:
    return f"Authentication-Results: mx.news.example; {verdicts}"


@pytest.mark.parametrize(
    "verdicts",
    [
        "spf=pass smtp.mailfrom=evil.example; dkim=pass header.d=evil.example; dmarc=fail",
        "spf=none; dkim=none; dmarc=fail header.from=example.org",
        "spf=fail; dkim=fail",
        "spf=fail; dkim=fail; dmarc=none",
    ],
)
def test_a_sender_whom_our_server_found_forged_gets_no_answer(verdicts: str) -> None:
    assert answer(FROM, found(verdicts)).reason == NoAnswer.FORGED
    assert answer(FROM, found(verdicts), authserv_id="").target == "kari@example.org"


@pytest.mark.parametrize(
    ("verdicts", "proven"),
    [
        ("spf=pass smtp.mailfrom=kari@example.org", True),
        ("spf=fail; dkim=pass header.d=example.org", True),
        ("spf=fail; dkim=fail; dmarc=pass header.from=example.org", True),
        ("dkim=pass header.d=org", False),
        ("dkim=pass header.d=www.example.org", False),  # below it, anybody may have a domain
        ("dkim=pass header.d=evil.example", False),
        ("spf=pass smtp.mailfrom=evil.example", False),
        ("spf=fail; dkim=none; dmarc=none", False),
        ("spf=softfail; dkim=fail", False),
        ("none", False),
    ],
)
def test_an_answer_is_proven_when_the_targets_domain_sent_the_mail(
    verdicts: str, proven: bool
) -> None:
    given = answer(FROM, found(verdicts))
    assert (given.target, given.proven) == ("kari@example.org", proven)


def test_a_proven_author_proves_no_other_target() -> None:
    lines = ("From: mallory@evil.example", found("dkim=pass header.d=evil.example; dmarc=pass"))
    assert not answer(*lines, envelope_sender="victim@example.org").proven
    assert answer(*lines, envelope_sender="mallory@mail.evil.example").proven


def days_ago(days: float) -> str:
    return format_datetime(NOW - timedelta(days=days))


def received(by: str, days: float) -> str:
    return f"Received: from x (by (y)) by {by} (Postfix) with ESMTP id 1; {days_ago(days)} (CET)"


OUR_SERVERS = replace(POLICY, own_servers=frozenset({"mx.news.example", "localhost"}))


@pytest.mark.parametrize(
    ("lines", "old", "basis"),
    [
        ((f"Date: {days_ago(1)}",), False, ""),
        ((f"Date: {days_ago(6.9)}",), False, ""),
        ((f"Date: {days_ago(7.1)}",), True, "Its Date is 2026-11-17."),
        (("Date: Mon, 14 Mar 2011 09:00:00 +0100",), True, "Its Date is 2011-03-14."),
        # Our own server's word comes before the sender's.
        ((received("mx.news.example", 0), f"Date: {days_ago(90)}"), False, ""),
        (
            (received("MX.News.example.", 40), f"Date: {days_ago(1)}"),
            True,
            "Our mail server received it on 2026-10-15.",
        ),
        (
            (received("localhost", 0.1), received("mx.news.example", 40)),
            False,
            "",
        ),
        # Not our server: the Date counts.
        ((received("mx.other.example", 90), f"Date: {days_ago(1)}"), False, ""),
        ((received("mx.other.example", 0), f"Date: {days_ago(90)}"), True, "Its Date is"),
        # A Date that says nothing: absent, unreadable, of the future.
        (
            (received("mx.other.example", 90),),
            True,
            "Its Date cannot be used; a mail server received it on 2026-08-26.",
        ),
        ((received("mx.other.example", 1),), False, ""),
        (("Date: soon", received("a.example", 1), received("b.example", 90)), False, ""),
        (("Date: soon", received("mx.other.example", 90)), True, "Its Date cannot be used"),
        ((f"Date: {days_ago(-30)}", received("mx.other.example", 90)), True, "cannot be used"),
        ((f"Date: {days_ago(-30)}",), False, ""),
        ((f"Date: {days_ago(-0.003)}", received("mx.other.example", 90)), False, ""),
        ((), False, ""),
        (("Received: by mx.news.example; not a date", f"Date: {days_ago(90)}"), True, "Its Date"),
        ((received("mx.news.example", -300), f"Date: {days_ago(90)}"), True, "Its Date is"),
        (("Date: Fri, 31 Dec 9999 23:59:59 -2359",), False, ""),
    ],
)
def test_old_mail_gets_no_answer(lines: tuple[str, ...], old: bool, basis: str) -> None:
    given = answer(FROM, *lines, policy=OUR_SERVERS)
    assert given.reason == (NoAnswer.TOO_OLD if old else "")
    assert basis in given.detail
    assert (given.target == "") is old
    if old:
        assert no_answer_sentence(given).startswith("The mail is too old")


def test_the_age_limit_is_a_setting() -> None:
    line = f"Date: {days_ago(90)}"
    assert answer(FROM, line, policy=replace(POLICY, max_age_days=100)).target
    assert not answer(FROM, line, policy=replace(POLICY, max_age_days=89)).target


def test_where_nothing_in_the_mail_says_when_the_files_time_decides() -> None:
    old = replace(ARRIVAL, at="2019-03-02T10:00:00Z")
    given = answer(FROM, arrival=old)
    assert given.reason == NoAnswer.TOO_OLD
    assert "no server says when it came; it came here on 2019-03-02." in given.detail
    assert answer(FROM, f"Date: {days_ago(1)}", arrival=old).target


def test_exchanges_own_time_comes_first() -> None:
    receipt = replace(ARRIVAL, is_receipt=True)
    assert answer(FROM, f"Date: {days_ago(90)}", arrival=receipt).target
    old = replace(receipt, at="2019-03-02T10:00:00Z")
    assert answer(FROM, f"Date: {days_ago(1)}", arrival=old).reason == NoAnswer.TOO_OLD


def test_a_replayed_mail_gets_an_answer_only_when_asked_for() -> None:
    quiet = replace(ARRIVAL, answer=False)
    assert answer(FROM, arrival=quiet).reason == NoAnswer.REPLAYED
    assert answer(FROM, "Precedence: bulk", arrival=quiet).reason == NoAnswer.BULK
    assert answer(FROM, f"Date: {days_ago(90)}", arrival=quiet).reason == NoAnswer.TOO_OLD
