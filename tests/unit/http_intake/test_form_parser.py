"""multipart/form-data, byte by byte."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from http_intake.form_parser import FormParser, PartHead
from http_intake.multipart import read_parts
from http_intake.problems import ProblemError
from tests.support.raw_http import FORM_END, form_part

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from http_intake.form_parser import Event

contents = st.lists(
    st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--b", b"b", b"x", bytes(50)])).map(b"".join),
    min_size=1,
    max_size=4,
)


def parse(body: bytes, *, step: int, max_parts: int = 100) -> list[Event]:
    """All events of a body that comes in pieces of `step` bytes; content that follows is joined."""
    parser = FormParser(b"b", max_parts=max_parts)
    joined: list[Event] = []
    for at in range(0, len(body), step):
        events = parser.feed(body[at : at + step])
        while events:
            event = events.popleft()
            if isinstance(event, bytes) and joined and isinstance(joined[-1], bytes):
                joined[-1] += event
            else:
                joined.append(event)
    parser.close()
    return joined


def parsed_contents(events: list[Event]) -> list[bytes]:
    """The content of each part."""
    found: list[bytes] = []
    for event in events:
        if isinstance(event, PartHead):
            found.append(b"")
        elif event is not None:
            found[-1] += event
    return found


@settings(deadline=None)
@given(contents=contents, step=st.integers(1, 70))
def test_every_content_comes_back_however_the_body_is_cut(contents: list[bytes], step: int) -> None:
    body = b"".join(form_part("f", content, "f.jpg") for content in contents) + FORM_END
    assume(body.count(b"\r\n--b") == len(contents))  # no content that is a boundary
    assert parsed_contents(parse(body, step=step)) == contents


@settings(deadline=None)
@given(body=st.binary(max_size=300), step=st.integers(1, 50))
def test_any_bytes_are_read_or_refused_by_name(body: bytes, step: int) -> None:
    with suppress(ProblemError):
        parse(b"--b\r\n" + body, step=step)


@pytest.mark.parametrize(
    ("disposition", "name", "file_name"),
    [
        ('form-data; name="a"', "a", None),
        ('form-data; name="a"; filename=""', "a", ""),
        ('form-data; name=a; filename="b c.jpg"', "a", "b c.jpg"),
        ('form-data; name="a"; filename="%22x%22.jpg"', "a", '"x".jpg'),
        ('form-data; name="a"; filename="x \\"y\\".jpg"', "a", 'x "y".jpg'),
        ('FORM-DATA; NAME="a"; FILENAME="b.jpg"', "a", "b.jpg"),
        ('form-data; name="bl\u00e5"; filename="\u96ea.jpg"', "bl\u00e5", "\u96ea.jpg"),
        ('form-data; filename="a;b=c.jpg"; name="a"', "a", "a;b=c.jpg"),
    ],
)
def test_names_are_read_as_browsers_and_programs_write_them(
    disposition: str, name: str, file_name: str | None
) -> None:
    body = f"--b\r\nContent-Disposition: {disposition}\r\n\r\n\r\n".encode() + FORM_END
    head = parse(body, step=7)[0]
    assert isinstance(head, PartHead)
    assert (head.name, head.file_name) == (name, file_name)


def test_the_header_fields_of_one_part_do_not_reach_the_next() -> None:
    first = b'--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: image/JPEG; x=y\r\n'
    events = parse(first + b"\r\n\r\n" + form_part("c", b"") + FORM_END, step=1000)
    heads = [event for event in events if isinstance(event, PartHead)]
    assert [head.media_type for head in heads] == ["image/jpeg", ""]


@pytest.mark.parametrize("missing", [1, 4, 5, 6, 8, 12])
def test_a_body_without_its_last_boundary_is_refused(missing: int) -> None:
    whole = (form_part("a", b"content") + FORM_END).removesuffix(b"\r\n")
    with pytest.raises(ProblemError, match="broken"):
        parse(whole[:-missing], step=10)


async def test_what_is_left_of_a_part_is_skipped() -> None:
    async def body() -> AsyncIterator[bytes]:
        for content in (b"one", b"two", b"three"):
            yield form_part("a", content)
        yield FORM_END

    seen: list[bytes] = []
    async for part in read_parts(body(), b"b", max_parts=10):
        if part.head.name == "a" and len(seen) != 1:
            seen.append(await anext(part))
        else:
            seen.append(b"not read")
    assert seen == [b"one", b"not read", b"three"]
