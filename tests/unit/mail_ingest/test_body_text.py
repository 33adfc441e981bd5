"""The text of a mail, in bounded memory and linear time."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_ingest.body_text import TEXT_BYTES, BodyContent, BodyText
from mail_ingest.html_text import text_of_html
from mail_ingest.mime.events import Part

ALTERNATIVE = Part(path="TEXT", media_type="multipart/alternative")
RELATED = Part(path="2", media_type="multipart/related", parent=ALTERNATIVE)
MAIL_DROP = "https://www.icloud.com/attachment/?u=x&f=A.MOV&sz=1000"


def plain(parent: Part | None = None, **parameters: str) -> Part:
    return Part(path="1", media_type="text/plain", parent=parent, parameters=parameters)


def html(parent: Part | None = None) -> Part:
    return Part(path="2", media_type="text/html", parent=parent, parameters={"charset": "utf-8"})


def content(*parts: tuple[Part, bytes], piece: int = 1000) -> BodyContent:
    body = BodyText()
    for part, data in parts:
        body.begin()
        for start in range(0, len(data), piece):
            body.write(part, data[start : start + piece])
        body.end(part, len(data))
    return body.read()


def test_plain_text_is_kept_in_its_charset() -> None:
    found = content((plain(charset="iso-8859-1"), "Blåbær\r\nto".encode("latin-1")))
    assert found.text == "Blåbær\nto"


def test_of_alternatives_the_plain_text_is_shown() -> None:
    found = content(
        (plain(ALTERNATIVE), b"Hello"), (html(RELATED), b"<p>Hello <img src='cid:a@b'>")
    )
    assert found.text == "Hello"
    assert found.cids == {"a@b"}


def test_html_is_shown_where_there_is_no_other_text() -> None:
    assert content((plain(ALTERNATIVE), b" \r\n"), (html(RELATED), b"<p>Hi</p>")).text == "Hi"
    assert content((html(), b"<p>Hi</p>"), (plain(), b"there")).text == "Hi\n\nthere"


def test_text_of_several_parts_is_joined() -> None:
    assert content((plain(), b"before\r\n"), (plain(), b"after\r\n")).text == "before\n\nafter"


def test_linked_files_are_found_in_text_and_html() -> None:
    found = content((plain(), MAIL_DROP.encode()), (html(), b"<a href='https://we.tl/t-x'>x</a>"))
    assert [link.host for link in found.linked] == ["www.icloud.com", "we.tl"]


def test_only_the_beginning_is_kept() -> None:
    tracemalloc.start()
    body = BodyText()
    for _ in range(200):
        body.begin()
        body.write(plain(), b"word " * 1000)
        body.end(plain(), 5000)
        body.begin()
        body.write(html(), b"<b>word</b> " * 1000)
        body.end(html(), 12_000)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2_000_000
    assert len(body.read().text.encode()) <= TEXT_BYTES


@pytest.mark.parametrize("charset", ["utf-8", "shift_jis", "gb18030", "euc-kr"])
def test_a_cut_is_never_inside_a_character(charset: str) -> None:
    text = ("漢字 " * 20 + "\n") * 2000
    found = content((plain(charset=charset), text.encode(charset)))
    assert text.replace("\n", "").startswith(found.text.replace("\n", "")[:3000])
    assert "\ufffd" not in found.text


def test_half_characters_never_reach_the_record() -> None:
    assert content((plain(charset="utf-7"), b"+2D0-")).text.encode()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>One</p><p>Two<br>Three", "One\nTwo\nThree"),
        ("a &lt;b&gt; &aring;&nbsp;c", "a <b> å c"),
        ("<style>p{}</style>x<script>if (a<b) c()</script>y", "xy"),
        ("<title>no</title><!-- no <p> -->yes<!doctype html>", "yes"),
        ("5 < 6 and <b>bold</b>", "5 < 6 and bold"),
        ("<p>unclosed <script>hidden", "unclosed"),
        ("a<!-- never closed", "a"),
        ("", ""),
    ],
)
def test_html_becomes_what_a_reader_sees(source: str, text: str) -> None:
    assert text_of_html(source) == text


@pytest.mark.parametrize("piece", ["<", "<a", "<!--", "<script>", "</", "&", "<a b='"])
@pytest.mark.timeout(5)
def test_hostile_html_takes_linear_time(piece: str) -> None:
    text_of_html(piece * 50_000)


@given(st.text(max_size=300))
def test_any_html_becomes_text(source: str) -> None:
    assert "\0" not in text_of_html(source)
