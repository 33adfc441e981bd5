from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8, default
from html.parser import HTMLParser
from typing import override

import pytest
from hypothesis import given
from hypothesis import strategies as st

from describer.caption import template_caption
from mail_ingest.reply import OutgoingMail, Sender, compose_answer, compose_notice
from shared.codec import from_payload, to_payload
from shared.description import Description, People, VideoFacts
from shared.errors import SettingsError
from shared.model import (
    LEFT_OUT_SENTENCES,
    AnswerTo,
    Channel,
    Kind,
    LeftOut,
    LeftOutReason,
    LinkedAttachment,
    MediaStatus,
    OutcomeStatus,
)
from shared.ports import Answer
from tests.support.answers import MAIL, answer, described, photo

SENDER = Sender(newsroom="Kystavisen", address="tips@kystavisen.example")
SUGGESTING = replace(SENDER, suggestions=True)
DATE = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOSTILE = "x\r\nBcc: victim@example.org\r\n\r\n<script>alert(1)</script>\x00\u202e\ud800"


def compose(given: Answer, *, sender: Sender = SENDER, **thumbnails: bytes) -> OutgoingMail:
    pictures = {int(number.removeprefix("n")): jpeg for number, jpeg in thumbnails.items()}
    mail = compose_answer(given, sender=sender, date=DATE, thumbnails=pictures)
    assert mail is not None
    return mail


def parsed(mail: OutgoingMail) -> EmailMessage:
    message = message_from_bytes(mail.content, policy=default)
    assert isinstance(message, EmailMessage)
    assert not [part.defects for part in message.walk() if part.defects]
    return message


def bodies(given: Answer, sender: Sender = SENDER) -> tuple[str, str]:
    message = parsed(compose(given, sender=sender))
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert isinstance(plain, EmailMessage)
    assert isinstance(html, EmailMessage)
    return plain.get_content(), html.get_content()


class Visible(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    @override
    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_the_answer_is_threaded_to_the_mail_and_says_that_a_machine_wrote_it() -> None:
    message = parsed(compose(answer(photo())))
    assert message["In-Reply-To"] == "<parent@example.org>"
    assert message["References"] == "<first@example.org> <parent@example.org>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["X-Mail-Ingest-Reply"] == "mail-abcdefghijklmnopqrstuvwxyz"
    assert message["Message-ID"] == "<mail-abcdefghijklmnopqrstuvwxyz@kystavisen.example>"
    assert message["Date"] == "Tue, 24 Nov 2026 12:00:00 +0000"
    assert message["From"] == "Kystavisen <tips@kystavisen.example>"
    assert message["To"] == "ola@example.org"
    assert message["Subject"] == "Re: Boat"
    assert "Precedence" not in message


def test_the_same_answer_gives_the_same_bytes() -> None:
    given = answer(photo(), photo(2))
    assert compose(given, n1=b"jpeg", n2=b"jpeg") == compose(given, n1=b"jpeg", n2=b"jpeg")


def test_a_revision_is_another_mail() -> None:
    first = answer(photo())
    again = replace(
        first, reply_id=f"{first.reply_id}.r1", outcome=replace(first.outcome, revision=1)
    )
    assert compose(first).identity != compose(again).identity
    assert "replaces what our first answer said" in bodies(again)[0]


def test_the_mail_is_text_and_html_with_its_pictures_beside_it() -> None:
    message = parsed(compose(answer(photo(), photo(2)), n1=b"\xff\xd8one", n2=b"\xff\xd8two"))
    types = [part.get_content_type() for part in message.walk()]
    assert types == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/jpeg",
        "image/jpeg",
    ]
    html = message.get_body(("html",))
    assert isinstance(html, EmailMessage)
    shown = re.findall(r'src="cid:([^"]+)"', html.get_content())
    pictures = [p for p in message.walk() if p.get_content_maintype() == "image"]
    assert [f"<{cid}>" for cid in shown] == [str(p["Content-ID"]) for p in pictures]
    assert [p.get_content_disposition() for p in pictures] == ["inline", "inline"]
    assert pictures[0].get_payload(decode=True) == b"\xff\xd8one"


def test_each_photo_and_video_has_its_receipt_with_suggestions_and_categories() -> None:
    facts = VideoFacts(duration_ms=72_400)
    video = photo(
        2, kind=Kind.VIDEO, file_name="clip.mov", description=described(Kind.VIDEO, video=facts)
    )
    for text in bodies(answer(photo(), video), SUGGESTING):
        assert "Thank you, we have your 1 photo and 1 video" in text
        assert "IMG_1.jpg" in text
        assert "clip.mov" in text
        assert "Video, 1:12" in text
        assert "A photo of a boat." in text
        assert "Suggestions: boat (93%), harbour (41%)" in text
        assert "Filed under: Sport" in text
        assert "is a suggestion and may be wrong" in text


def test_an_answer_says_what_was_taken_and_not_what_was_seen() -> None:
    for text in bodies(answer(photo(), photo(2, status=MediaStatus.ESCALATED, description=None))):
        assert "IMG_1.jpg" in text
        assert "A person at our picture desk will look at it." in text
        for seen in ("boat", "Suggestions", "Sport", "Filed under", "may be wrong", "described"):
            assert seen not in text


def test_no_answer_says_that_nothing_was_recognised() -> None:
    caption = template_caption(Kind.PHOTO, (), (), People())
    nothing = replace(from_payload(described(labels=()), Description), caption=caption, labels=())
    given = answer(photo(description=to_payload(nothing), categories=()))
    for text in (*bodies(given), *bodies(given, SUGGESTING)):
        assert "recognised" not in text
        assert "IMG_1.jpg" in text


@pytest.mark.parametrize("sender", [SENDER, SUGGESTING])
def test_an_answer_to_a_sender_whom_nothing_proves_repeats_nothing_of_the_mail(
    sender: Sender,
) -> None:
    left_out = tuple(
        LeftOut(file_name="Buy pills.pdf", media_type="application/pdf", size=1, reason=reason)
        for reason in (LeftOutReason.EMPTY, LeftOutReason.ENCRYPTED, LeftOutReason.EMPTY)
    )
    linked = LinkedAttachment(file_name="Pills", size=1, host="pills.example", url="https://x")
    given = answer(
        photo(
            file_name="Pills.jpg", description=described(caption="Pills", labels=(("Pills", 1),))
        ),
        photo(2, file_name="pills.jpg", status=MediaStatus.UNREADABLE, reason="Pills"),
        subject="Pills!",
        answer_to=replace(MAIL, proven=False),
        left_out=left_out,
        linked=(linked,),
    )
    mail = compose(given, sender=sender)
    assert parsed(mail)["Subject"] == "Re: your mail"
    for text in (*bodies(given, sender), mail.content.decode("ascii")):
        assert "pills" not in text.lower()
    plain = bodies(given, sender)[0]
    assert "we have your 2 photos" in plain
    assert f"* 2 files\r\n  {LEFT_OUT_SENTENCES[LeftOutReason.EMPTY]}" in plain
    assert f"* 1 file\r\n  {LEFT_OUT_SENTENCES[LeftOutReason.ENCRYPTED]}" in plain
    assert "If you did not send it, you need not do" in plain
    assert len(mail.content) < 12_000


def test_the_largest_answer_stays_small() -> None:
    names = ["æ" * 500, *("x" * 500 for _ in range(499))]
    media = tuple(photo(n, file_name=name) for n, name in enumerate(names, start=1))
    left_out = tuple(
        LeftOut(file_name=name, media_type="", size=1, reason=LeftOutReason.TOO_MANY)
        for name in names
    )
    linked = tuple(
        LinkedAttachment(file_name=name, size=1, host=name, url="https://x") for name in names
    )
    given = answer(*media, left_out=left_out, linked=linked)
    pictures = dict.fromkeys(range(1, 21), b"\xff" * 5_000)  # all that `thumbnails` gives
    mail = compose_answer(given, sender=SENDER, date=DATE, thumbnails=pictures)
    assert mail is not None
    assert len(mail.content) < 300_000


def test_one_photo_is_a_photo_and_three_are_photos() -> None:
    assert "we have your photo" in bodies(answer(photo()))[0]
    assert "we have your 3 photos." in bodies(answer(photo(), photo(2), photo(3)))[0]


def test_an_escalated_item_says_that_a_person_will_look() -> None:
    given = answer(
        photo(status=MediaStatus.ESCALATED, description=None, categories=()),
        status=OutcomeStatus.ESCALATED,
    )
    for text in bodies(given):
        assert "A person at our picture desk will look at it." in text
        assert "suggestion and may be wrong" not in text


def test_an_unreadable_item_says_why() -> None:
    item = photo(status=MediaStatus.UNREADABLE, description=None, reason="The file is cut off.")
    for text in bodies(answer(item, status=OutcomeStatus.PARTLY)):
        assert "We could not open it. The file is cut off." in text


@pytest.mark.parametrize("reason", list(LeftOutReason))
def test_what_was_left_out_is_named_with_its_reason(reason: LeftOutReason) -> None:
    left_out = LeftOut(file_name="x.dat", media_type="a/b", size=1, reason=reason)
    plain, html = bodies(answer(photo(), left_out=(left_out,)))
    assert "x.dat" in plain
    assert LEFT_OUT_SENTENCES[reason] in plain
    assert LEFT_OUT_SENTENCES[reason] in Visible(html).text


def test_a_mail_with_no_media_gets_a_kind_answer_on_how_to_send_some() -> None:
    for text in bodies(answer()):
        assert "Thank you for your mail" in text
        assert "Attach them to a mail to this address." in text
        assert "suggestion and may be wrong" not in text


def test_linked_files_are_noted_and_asked_for() -> None:
    linked = LinkedAttachment(
        file_name="big.mov", size=340_000_000, host="www.icloud.com", url="https://x.example/secret"
    )
    for text in bodies(answer(linked=(linked,))):
        assert "We do not open links; please attach the files instead" in text
        assert "big.mov" in text
        assert "at www.icloud.com, 340.0 MB" in text
        assert "secret" not in text


def test_five_hundred_attachments_give_an_answer_of_readable_length() -> None:
    left_out = tuple(
        LeftOut(file_name=f"{n}.png", media_type="", size=1, reason=LeftOutReason.TOO_MANY)
        for n in range(500)
    )
    media = tuple(photo(n) for n in range(1, 501))
    plain, html = bodies(answer(*media, left_out=left_out))
    assert "And 450 more, which arrived safely too." in plain
    assert "And 450 more." in plain
    assert len(html) < 120_000  # Gmail cuts a mail off at about 102 kB, after the text of ours


def test_nothing_of_a_stranger_becomes_a_header_field_or_markup() -> None:
    item = photo(
        file_name=HOSTILE,
        description=described(caption=HOSTILE, labels=((HOSTILE, 0.5),)),
        reason=HOSTILE,
        status=MediaStatus.UNREADABLE,
    )
    left_out = LeftOut(file_name=HOSTILE, media_type="", size=1, reason=LeftOutReason.EMPTY)
    linked = LinkedAttachment(file_name=HOSTILE, size=1, host=HOSTILE, url=HOSTILE)
    address = replace(
        MAIL, in_reply_to=f"<a@b>{HOSTILE}", references=(HOSTILE, "<ok@x>", "<a b@c>", "no")
    )
    given = answer(item, answer_to=address, subject=HOSTILE, left_out=(left_out,), linked=(linked,))
    message = parsed(compose(given))
    assert "Bcc" not in message
    assert message["In-Reply-To"] == "<a@b>"
    assert message["References"] == "<ok@x> <a@b>"
    assert message["Subject"].startswith("Re: x Bcc:")
    page = Visible(bodies(given)[1])
    assert "script" not in page.tags
    assert not [name for name in page.attributes if name.startswith("on")]
    assert "<script>" in page.text


@given(text=st.text(max_size=200))
def test_no_text_of_a_stranger_breaks_the_mail(text: str) -> None:
    given = answer(photo(file_name=text), subject=text, answer_to=replace(MAIL, in_reply_to=text))
    mail = compose(given)
    header = mail.content.split(b"\r\n\r\n", 1)[0]
    assert header.isascii()
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998
    assert b"\n" not in mail.content.replace(b"\r\n", b"")
    parsed(mail)


@pytest.mark.parametrize(
    "target",
    [
        "", "ola", "@example.org", "ola@", "o la@example.org", "ola@exa mple.org", "a@b@c",
        "ola@example.org\r\nBcc: x@example.org", "ola@example.org,x@example.org",
        "<ola@example.org>", "ola@example.org>", '"o"@example.org', "ola\x00@example.org",
        "ola@[127.0.0.1]", "ola@.", "ola@" + "x" * 64 + ".org", "ola@exa_mple.org\n",
    ],
)  # fmt: skip
def test_what_is_no_address_gets_no_mail(target: str) -> None:
    given = answer(answer_to=AnswerTo(channel=Channel.MAIL, target=target))
    assert compose_answer(given, sender=SENDER, date=DATE, thumbnails={}) is None


def test_an_international_domain_is_written_as_dns_has_it() -> None:
    mail = compose(answer(answer_to=AnswerTo(channel=Channel.MAIL, target="ola@blåbær.example")))
    assert (mail.recipient, mail.smtputf8) == ("ola@xn--blbr-roah.example", False)
    assert parsed(mail)["To"] == "ola@xn--blbr-roah.example"


def test_an_international_local_part_needs_smtputf8() -> None:
    mail = compose(answer(answer_to=AnswerTo(channel=Channel.MAIL, target="øyvind@example.org")))
    assert mail.smtputf8
    assert message_from_bytes(mail.content, policy=SMTPUTF8)["To"] == "øyvind@example.org"


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Boat", "Re: Boat"),
        ("Re: Boat", "Re: Boat"),
        ("RE: re : SV: Boat", "Re: Boat"),
        ("Re[2]: Boat", "Re: Boat"),
        ("", "Re: your mail"),
        ("Re:", "Re: your mail"),
        ("Reserve", "Re: Reserve"),
        ("x" * 500, "Re: " + "x" * 150),
        ("Blåbær på brygga 🚤", "Re: Blåbær på brygga 🚤"),
    ],
)
def test_the_subject_has_one_re(subject: str, expected: str) -> None:
    assert parsed(compose(answer(subject=subject)))["Subject"] == expected


def test_long_threads_keep_their_first_and_their_last_mails() -> None:
    references = tuple(f"<{n}.{'x' * 200}@example.org>" for n in range(40))
    given = answer(answer_to=replace(MAIL, references=references, in_reply_to=references[-1]))
    mail = compose(given)
    kept = parsed(mail)["References"].split()
    assert kept == [references[0], *references[-11:]]
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998


def test_a_mail_without_a_message_id_is_answered_outside_a_thread() -> None:
    message = parsed(
        compose(answer(answer_to=AnswerTo(channel=Channel.MAIL, target="a@b.example")))
    )
    assert "In-Reply-To" not in message
    assert "References" not in message


def test_a_description_of_another_release_is_passed_over() -> None:
    given = answer(photo(description={"kind": "hologram", "labels": 7}))
    assert "IMG_1.jpg" in bodies(given)[0]


def test_the_page_works_in_mail_clients_light_and_dark() -> None:
    html = bodies(answer(photo()))[1]
    page = Visible(html)
    assert "prefers-color-scheme: dark" in html
    assert {"script", "link", "form", "iframe"}.isdisjoint(page.tags)
    assert "http" not in html  # nothing is loaded from anywhere


def test_the_desk_gets_its_notice() -> None:
    mail = compose_notice(
        "mail-abc:1", subject="Look\r\nBcc: x@y.example", text="A photo waits.\nBlåbær.\n",
        sender=SENDER, recipient="desk@kystavisen.example", date=DATE,
    )  # fmt: skip
    assert mail is not None
    message = parsed(mail)
    assert message["Message-ID"] == "<notice.mail-abc.1@kystavisen.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Subject"] == "Look Bcc: x@y.example"
    assert message.get_content().splitlines() == ["A photo waits.", "Blåbær."]


@pytest.mark.parametrize("address", ["", "tips", "tips@", "ø@x.example", "a b@x.example"])
def test_a_sender_that_is_no_address_is_named(address: str) -> None:
    with pytest.raises(SettingsError, match="MAIL_INGEST_FROM_ADDRESS"):
        Sender(newsroom="x", address=address)
