"""Header blocks, honest and hostile."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_ingest import skeleton
from mail_ingest.addresses import Address, address_of, address_somewhere_in
from mail_ingest.message import Message, read_message


def read(*lines: str) -> Message:
    return read_message("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n")


def test_a_full_header_is_read() -> None:
    message = read(
        "Return-Path: <kari@example.org>",
        "From: =?utf-8?q?Kari_N=C3=A6ss?= <kari@Example.ORG>",
        "Sender: assistant@example.org",
        "Reply-To: list@example.org",
        "To: tips@news.example, Desk <desk@news.example>",
        "Cc: Chief: a@news.example, b@news.example;",
        "Message-ID: <m1@example.org>",
        "In-Reply-To: <m0@news.example>",
        "References: <r1@x>\r\n <m0@news.example>",
        "Subject: =?utf-8?b?QnJhbm4gcMOl?=\r\n =?utf-8?q?_brygga?=",
        "Date: Tue, 24 Nov 2026 13:00:00 +0100",
        "Content-Type: Multipart/Mixed; boundary=x",
    )
    assert message.author == Address(
        display_name="Kari Næss", local_part="kari", domain="example.org"
    )
    assert message.sender is not None
    assert message.sender.spec == "assistant@example.org"
    assert [a.spec for a in message.reply_to] == ["list@example.org"]
    assert [a.spec for a in message.to] == ["tips@news.example", "desk@news.example"]
    assert [a.local_part for a in message.cc] == ["a", "b"]
    assert message.message_id == "<m1@example.org>"
    assert message.in_reply_to == ("<m0@news.example>",)
    assert message.references == ("<r1@x>", "<m0@news.example>")
    assert message.subject == "Brann på brygga"
    assert message.date == "2026-11-24T12:00:00.000Z"
    assert message.media_type == "multipart/mixed"
    assert message.return_path == "kari@example.org"
    assert message.defects == ()


@pytest.mark.parametrize(
    ("field", "spec", "display_name"),
    [
        ("From: Kåre <k@x.org>", "k@x.org", "Kåre"),
        ("From: K\udce5re <k@x.org>", "k@x.org", "Kåre"),
        ('From: "=?utf-8?q?J=C3=B8rn?=" <j@x.no>', "j@x.no", "Jørn"),
        ('From: "boss@bank.example" <real@x.org>', "real@x.org", "boss@bank.example"),
        (
            "From: =?utf-8?q?boss=40bank_=3Cb=40bank=3E?= <real@x.org>",
            "real@x.org",
            "boss@bank <b@bank>",
        ),
        ("From: k@x.org (Kari)", "k@x.org", "Kari"),
        ("From: <@relay.example:k@x.org>", "k@x.org", ""),
        ("From: k@x.org\r\n ", "k@x.org", ""),
        ("From: k@x.org\0", "k@x.org", ""),
        ("From: =?utf-8?q?a=0D=0ABcc=3A_b?= <k@x.org>", "k@x.org", "a Bcc: b"),
        ("From: Kari <k@x.org", "k@x.org", ""),
        ("From: Kari k@x.org", "k@x.org", ""),
        ("from : k@x.org", "k@x.org", ""),
        ("From: ki@blåbær.example", "ki@blåbær.example", ""),
    ],
)
def test_an_author_is_read_and_nothing_that_only_looks_like_one(
    field: str, spec: str, display_name: str
) -> None:
    author = read(field).author
    assert author is not None
    assert (author.spec, author.display_name) == (spec, display_name)


@pytest.mark.parametrize(
    "field",
    ["From:", "From: <>", "From: MAILER-DAEMON", "From: @", "From: Nobody:;", "X-Other: k@x.org"],
)
def test_a_mail_may_have_no_author(field: str) -> None:
    assert read(field).author is None


def test_an_author_that_had_to_be_guessed_is_a_defect() -> None:
    (first, *_) = read("From: Kari k@x.org", "Date: Tue, 24 Nov 2026 13:00:00 +0100").defects
    assert first.clause == "RFC 5322 3.4"


def test_missing_and_doubled_fields_are_defects() -> None:
    message = read("From: a@x.org", "From: b@x.org", "Date: yesterday")
    assert message.author is not None
    assert message.author.spec == "a@x.org"
    assert [d.sentence for d in message.defects] == [
        "The field Date holds no date that can be read for sure.",
        "The field From stands there more than once; the first counts.",
    ]
    assert [d.sentence for d in read().defects] == [
        "The field From is missing.",
        "The field Date is missing.",
    ]


@pytest.mark.parametrize(
    ("line", "subject"),
    [
        ("Subject: =?iso-8859-1?q?bl=E5?= =?utf-8?q?b=C3=A6r?=", "blåbær"),
        ("Subject: =?utf-8?b?w6U=?= \udcc3\udca6", "å æ"),
        ("Subject: bl\udce5b\udce6r", "blåbær"),
        ("Subject: =?x-unheard-of?q?abc?=", "abc"),
        ("Subject: a\rBcc: b@x.org", "a Bcc: b@x.org"),
        ("Subject: =?utf-8?q?a=0D=0ABcc=3A_b=40x?=", "a Bcc: b@x"),
        ("Subject: \u202egpj.exe", "gpj.exe"),
        ("Subject: a\r\n\tb", "a b"),
        ("Subject: " + "x" * 5000, "x" * 998),
    ],
)
def test_a_subject_is_one_line_of_text(line: str, subject: str) -> None:
    assert read(line).subject == subject


@pytest.mark.parametrize(
    ("value", "keyword"),
    [
        ("no", "no"),
        ("No (really)", "no"),
        ("", "no"),
        ("auto-replied", "auto-replied"),
        ("(a comment) Auto-Generated; x=y", "auto-generated"),
    ],
)
def test_auto_submitted_is_a_keyword(value: str, keyword: str) -> None:
    assert read(f"Auto-Submitted: {value}").auto_submitted == keyword


def test_one_auto_submitted_field_that_is_not_no_is_enough() -> None:
    assert (
        read("Auto-Submitted: no", "Auto-Submitted: auto-replied").auto_submitted == "auto-replied"
    )


@pytest.mark.parametrize(
    ("lines", "path"),
    [((), None), (("Return-Path: <>",), ""), (("Return-Path: < a@x.org >",), "a@x.org")],
)
def test_a_return_path_is_missing_empty_or_an_address(
    lines: tuple[str, ...], path: str | None
) -> None:
    assert read(*lines).return_path == path


def test_only_a_message_id_in_brackets_is_one() -> None:
    assert read("Message-ID: no brackets@x").message_id == ""
    assert read("Message-ID: junk <a@x> <b@x>").message_id == "<a@x>"
    assert read("Message-ID: <a b@x>").message_id == ""


def test_no_control_character_gets_through() -> None:
    message = read("Sender: a\0@x.org", "Message-ID: <a\0b@x>", "Return-Path: <a\x1b@x.org>")
    assert message.sender is not None
    assert (message.sender.spec, message.message_id) == ("a@x.org", "<ab@x>")
    assert message.return_path == "a@x.org"
    assert address_of("a\0@x.org") is None
    assert address_of("a\u202e@x.org") is None


def test_all_field_names_are_known() -> None:
    assert read("List-Id: <l.x>", "X-Foo: a", "no field at all").field_names == {"list-id", "x-foo"}


def test_a_header_that_mail_parser_cannot_read_is_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: bytes) -> object:
        raise RecursionError

    monkeypatch.setattr(skeleton, "_mail_parser", fail)
    message = read('From: "Kari" <k@x.org>', "Subject: hello")
    assert message.author == Address(display_name="Kari", local_part="k", domain="x.org")
    assert message.subject == "hello"
    assert message.defects[0].clause == "RFC 5322 2.2"


def test_mail_parser_logs_nothing_of_a_mail(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        read("From: =?utf-8?b?w6?= =?utf-8?b?U=?= <k@x.org>", "Subject: =?utf-8?b?w6?=")
    assert caplog.records == []


HOSTILE = {
    "parentheses": b"From: " + b"(" * 60_000,
    "quotes": b"From: " + b'"' * 60_000,
    "angles": b"From: " + b"<" * 60_000,
    "commas": b"From: " + b"," * 60_000,
    "groups": b"From: " + b"a:" * 30_000,
    "encoded words": b"From: " + b"=?utf-8?q?a?= " * 4_000,
    "half encoded words": b"Subject: " + b"=?" * 30_000,
    "letters": b"From: " + b"a" * 60_000,
    "ats": b"From: " + b"a@" * 30_000,
    "recipients": b"To: " + b", ".join(b"a%d@x.org" % n for n in range(9_000)),
    "references": b"References: " + b"<" * 60_000,
    "comments": b"Auto-Submitted: " + b"(" * 60_000,
    "dates": b"Date: " + b"(" * 60_000,
    "fields": b"X: y\r\n" * 20_000,
    "folds": b"Subject: a" + b"\r\n " * 20_000,
}


@pytest.mark.parametrize("header", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.timeout(5)
def test_a_hostile_header_costs_little(header: bytes) -> None:
    read_message(header)


@given(st.binary(max_size=400))
def test_no_bytes_make_it_fail(noise: bytes) -> None:
    read_message(noise)
    message = read_message(b"From: " + noise + b"\r\nDate: " + noise + b"\r\nSubject: " + noise)
    for text in (message.subject, message.author.display_name if message.author else ""):
        assert len(text.splitlines()) <= 1
        text.encode()


@given(st.text(max_size=80))
def test_an_address_has_no_room_for_more(text: str) -> None:
    for address in (address_of(text), address_somewhere_in(text)):
        if address is not None:
            assert not set(address.spec) & set('<>,;: \r\n\t"')
            assert address.spec.isprintable() or not address.spec.isascii()


OURS = "Authentication-Results: mx.news.example; dmarc=fail"


@pytest.mark.parametrize(
    ("lines", "dmarc"),
    [
        (("Return-Path: <a@b.example>", "X-Mail-Ingest-Outside: yes", OURS), "unknown"),
        # Where a sender could have put it, it rids nobody of a verdict.
        (("X-Mail-Ingest-Outside: yes", "Return-Path: <a@b.example>", OURS), "fail"),
        (("Return-Path: <a@b.example>", "Received: x", "X-Mail-Ingest-Outside: yes", OURS), "fail"),
        (("X-Mail-Ingest-Outside: yes", OURS), "fail"),
    ],
)
def test_what_came_from_outside_is_told_by_our_listener_only(
    lines: tuple[str, ...], dmarc: str
) -> None:
    message = read_message("\r\n".join(lines).encode(), authserv_id="mx.news.example")
    assert message.authentication.dmarc == dmarc


def test_received_fields_are_read_with_their_times() -> None:
    message = read_message(
        b"Received: from a (by evil.example) by MX.news.example. (Postfix) with ESMTPS id 4F;\r\n"
        b"\tTue, 24 Nov 2026 13:00:00 +0100 (CET)\r\n"
        b"Received: by relay.example; Tue, 24 Nov 2026 11:00:00 -0000\r\n"
        b"Received: nonsense\r\nReceived: by c.example; 99 Foo 2026\r\n"
    )
    assert [(hop.by, hop.at) for hop in message.received] == [
        ("mx.news.example", "2026-11-24T12:00:00.000Z"),
        ("relay.example", "2026-11-24T11:00:00.000Z"),
        ("", ""),
        ("c.example", ""),
    ]
