"""Who gets no answer (RFC 3834), and where an answer goes."""

from __future__ import annotations

import pytest

from mail_ingest.message import read_message
from mail_ingest.screen import NO_ANSWER_SENTENCES, OWN_FIELD, NoAnswer, ScreenPolicy, answer_to
from shared.model import AnswerTo, Channel

POLICY = ScreenPolicy(own_addresses=frozenset({"tips@news.example"}))
FROM = "From: kari@example.org"


def answer(*lines: str, envelope_sender: str | None = "kari@example.org") -> AnswerTo:
    message = read_message("\r\n".join(lines).encode() + b"\r\n\r\n")
    return answer_to(message, envelope_sender=envelope_sender, policy=POLICY)


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
