"""Hypothesis strategies: mails as mailers build them, with what is in them, and damaged mails."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.support.mime_cases import ALL

if TYPE_CHECKING:
    from collections.abc import Callable

FILE_NAMES = (
    st.text(
        st.characters(codec="utf-8", categories=("L", "N"), include_characters=" .-_()[]&'é漢"),
        min_size=1,
        max_size=40,
    )
    .map(str.strip)
    .filter(lambda name: name.strip(" .") == name and name)
)
CONTENTS = st.one_of(
    st.binary(min_size=1, max_size=400),
    st.sampled_from([b"\r\n", b"--", b"\r\n--b0\r\n", b"=\r\n", b"From x\r\n", b"." * 900]),
)
LINE_ENDS = st.sampled_from([b"\r\n", b"\n"])


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltMail:
    """A mail and the files that were put into it, in order."""

    raw: bytes
    files: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entity:
    raw: bytes
    files: list[tuple[str, bytes]]


def _base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n").removesuffix(b"\r\n")


def _quoted_printable(content: bytes) -> bytes:
    return binascii.b2a_qp(content, istext=False).replace(b"\n", b"\r\n")


_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "base64": _base64,
    "quoted-printable": _quoted_printable,
}


def _name_parameter(name: str, style: str) -> str:
    data = name.encode()
    if style == "rfc2231":
        return "filename*=utf-8''" + "".join(f"%{byte:02X}" for byte in data)
    if style == "continued":
        half = len(data) // 2
        first, second = ("".join(f"%{b:02X}" for b in each) for each in (data[:half], data[half:]))
        return f"filename*0*=utf-8''{first};\r\n filename*1*={second}"
    word = base64.b64encode(data).decode()
    return f'filename="=?utf-8?B?{word}?="'


@st.composite
def leaves(draw: st.DrawFn) -> _Entity:
    """A file as an attachment."""
    name, content = draw(FILE_NAMES), draw(CONTENTS)
    encoding = draw(st.sampled_from(sorted(_ENCODERS)))
    style = draw(st.sampled_from(["rfc2231", "continued", "word"]))
    header = (
        f"Content-Type: application/x-test\r\nContent-Transfer-Encoding: {encoding}\r\n"
        f"Content-Disposition: attachment; {_name_parameter(name, style)}\r\n\r\n"
    )
    return _Entity(raw=header.encode() + _ENCODERS[encoding](content), files=[(name, content)])


def _multipart(children: list[_Entity], number: int) -> _Entity:
    boundary = b"b%d" % number + b"_" * (number % 7)
    raw = b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\npreamble\r\n'
    for child in children:
        raw += b"--" + boundary + b"\r\n" + child.raw + b"\r\n"
    raw += b"--" + boundary + b"--\r\nepilogue\r\n"
    return _Entity(raw=raw, files=[file for child in children for file in child.files])


def _message(inner: _Entity) -> _Entity:
    raw = b"Content-Type: message/rfc822\r\n\r\nSubject: inside\r\nMIME-Version: 1.0\r\n"
    return _Entity(raw=raw + inner.raw, files=inner.files)


@st.composite
def mails(draw: st.DrawFn) -> BuiltMail:
    """A mail of nested multiparts and messages."""
    number = iter(range(1000, 2000))
    tree: st.SearchStrategy[_Entity] = st.recursive(
        leaves(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(lambda children: _multipart(children, next(number))),
            inner.map(_message),
        ),
        max_leaves=8,
    )
    entity = draw(tree)
    return BuiltMail(
        raw=b"From: kari@example.org\r\nMIME-Version: 1.0\r\n" + entity.raw, files=entity.files
    )


_SNIPPETS = st.sampled_from(
    [
        b"\n--",
        b"\r\n--b1\r\n",
        b"--b1--\r\n",
        b"=\n",
        b"==",
        b"\r",
        b"\n\n",
        b"-",
        b"\0",
        b"\xff",
        b"\nbegin 644 a.gif\n",
        b"\n=ybegin line=128 size=3 name=x\n",
        b"Content-Type: multipart/mixed; boundary=b1\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"x" * 5000,
    ]
)


@st.composite
def damaged_mails(draw: st.DrawFn) -> bytes:
    """A mail that was cut, repeated, torn apart and written into."""
    raw = draw(st.one_of(mails().map(lambda each: each.raw), st.sampled_from([c.raw for c in ALL])))
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 120)))
        match draw(st.sampled_from(["cut", "drop", "repeat", "insert", "line ends"])):
            case "cut":
                raw = raw[:start]
            case "drop":
                raw = raw[:start] + raw[end:]
            case "repeat":
                raw = raw[:end] + raw[start:end] * 2 + raw[end:]
            case "insert":
                raw = raw[:start] + draw(st.one_of(_SNIPPETS, st.binary(max_size=8))) + raw[start:]
            case _:
                raw = raw.replace(b"\r\n", b"\n")
    return raw
