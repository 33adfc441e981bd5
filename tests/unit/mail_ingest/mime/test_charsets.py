"""Charsets as mails name them, against the labels of the WHATWG Encoding Standard."""

from __future__ import annotations

import bz2
import codecs
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_ingest.mime.charsets import decode, guess
from mail_ingest.mime.encoded_words import decode_words
from mail_ingest.mime.parameters import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

# Section 4.2 of the standard: every label, by the codec of Python that reads what is meant. ASCII
# stands apart from Windows-1252, for in mail much that calls itself ASCII is UTF-8.
LABELS = """\
utf-8: unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8
cp866: 866 cp866 csibm866 ibm866
iso8859-2: csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2
iso8859-3: csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3
iso8859-4: csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4
iso8859-5: csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5
iso8859-6: arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso88596
iso8859-6: iso-8859-6-e iso-8859-6-i iso-ir-127 iso8859-6 iso_8859-6 iso_8859-6:1987
iso8859-7: csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597
iso8859-7: iso_8859-7 iso_8859-7:1987 sun_eu_greek
iso8859-8: csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598
iso8859-8: iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical
iso8859-10: csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6
iso8859-13: iso-8859-13 iso8859-13 iso885913
iso8859-14: iso-8859-14 iso8859-14 iso885914
iso8859-15: csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9
iso8859-16: iso-8859-16
koi8-r: cskoi8r koi koi8 koi8-r koi8_r
koi8-u: koi8-ru koi8-u
mac-roman: csmacintosh mac macintosh x-mac-roman
cp874: dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874
cp1250: cp1250 windows-1250 x-cp1250
cp1251: cp1251 windows-1251 x-cp1251
cp1252: cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1
cp1252: iso_8859-1:1987 l1 latin1 windows-1252 x-cp1252
cp1253: cp1253 windows-1253 x-cp1253
cp1254: cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5
cp1254: latin5 windows-1254 x-cp1254
cp1255: cp1255 windows-1255 x-cp1255
cp1256: cp1256 windows-1256 x-cp1256
cp1257: cp1257 windows-1257 x-cp1257
cp1258: cp1258 windows-1258 x-cp1258
mac-cyrillic: x-mac-cyrillic x-mac-ukrainian
gb18030: gb18030 chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk
big5hkscs: big5 big5-hkscs cn-big5 csbig5 x-x-big5
euc_jp: cseucpkdfmtjapanese euc-jp x-euc-jp
iso2022_jp: csiso2022jp iso-2022-jp
cp932: csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis
cp949: cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601
cp949: ksc_5601 windows-949 ks_c_5601
utf-16-be: unicodefffe utf-16be
utf-16-le: csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16le
"""
OF_BYTES = ["base64", "base_64", "bz2", "hex", "quopri", "rot13", "rot_13", "uu", "zip", "zlib"]
OF_NO_MAIL = ["idna", "mbcs", "nonsense", "punycode", "raw-unicode-escape", "undefined", "\0"]
SAMPLES = {
    "cp932": "①㈱ﾃｽﾄ髙",
    "euc_jp": "日本",
    "iso2022_jp": "日本",
    "gb18030": "你好㐀",
    "big5hkscs": "中文碁",
    "cp949": "안녕 똠",
}


def labels() -> Iterator[tuple[str, str]]:
    for row in LABELS.splitlines():
        codec, names = row.split(": ")
        yield from ((label, codec) for label in names.split())


@pytest.mark.parametrize(("label", "codec"), list(labels()))
def test_every_label_of_the_standard_is_read_as_it_says(label: str, codec: str) -> None:
    # The upper half of a one-byte charset, as far as it has characters, tells it from all others.
    upper = bytes(range(0xA1, 0x100)).decode(codec, "ignore")
    text = SAMPLES.get(codec, upper if len(upper) > 20 else "blåbær")
    assert decode(text.encode(codec), label) == text
    assert decode(text.encode(codec), f' "{label.upper()}" ') == text


@pytest.mark.parametrize(
    "label",
    [*OF_BYTES, *OF_NO_MAIL, "unicode_escape"],
)
def test_a_label_of_no_charset_is_a_wrong_label(label: str) -> None:
    for data in (b"Uryyb =41 \\u0041 4142", zlib.compress(b"x"), bz2.compress(b"x")):
        assert decode(data, label) == guess(data)


def test_no_label_unpacks_what_was_packed() -> None:
    bomb = zlib.compress(bytes(64 << 20), 9)
    tracemalloc.start()
    decode(bomb, "zlib")
    decode_words(f"=?zlib?q?{'=00' * 100}?=")
    parse("attachment; filename*=zlib''" + "".join(f"%{byte:02x}" for byte in bomb[:3000]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


@settings(deadline=None)
@given(st.binary(), st.sampled_from(["iso-2022-jp", "euc-jp", "iso-2022-jp-2", "big5", "utf-7"]))
def test_any_bytes_are_some_text(data: bytes, label: str) -> None:
    for each in (data, b"\x1b$B" + data, b"\x1b$(D" + data + b"\x1b(I" + data):
        assert isinstance(decode(each, label), str)


@pytest.mark.parametrize("encoding", ["B", "Q"])
def test_a_codec_of_bytes_is_harmless_in_an_encoded_word(encoding: str) -> None:
    for label in OF_BYTES:
        assert isinstance(decode_words(f"=?{label}?{encoding}?QUJD?="), str)


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        (b"\x1b$B-!\x1b(B and " + "日本".encode("iso2022_jp"), "iso-2022-jp", "① and 日本"),
        (b"\x1b(I1234\x1b(B", "iso-2022-jp", "ｱｲｳｴ"),
        (b"x\x0e12\x0fy \x1b$B-!\x1b(B", "iso-2022-jp", "xｱｲy ①"),
        (b"\xb1\xb2 \x1b$B-!\x1b(B", "iso-2022-jp", "ｱｲ ①"),
        (b"\x1b$B-!\x1b(B\r\n\x1b$(D0!\x1b(B", "iso-2022-jp", "①\r\n丂"),
        (b"\x1b$B-!\nF|K\\", "iso-2022-jp", "①\n日本"),
        (b"\x1b$(C0!\x1b(B", "iso-2022-jp-2", "가"),
        (b"\xad\xa1" + "テスト".encode("euc_jp") + b"\x8e\xb1", "euc-jp", "①テストｱ"),
        (b"\xfc\xf1", "euc-jp", b"\xee\xef".decode("cp932")),
        (b"\xf9\xd6", "big5", "碁"),
        (b"h\x93a\x94", "iso-8859-1", "h“a”"),
    ],
)
def test_what_mailers_add_to_a_charset_is_read(data: bytes, label: str, text: str) -> None:
    assert decode(data, label) == text


def test_a_wrong_byte_costs_a_character_of_the_charset_that_is_named() -> None:
    text = "日本語のテスト" * 3
    assert decode(text.encode("cp932")[:-1], "shift_jis") == text[:-1] + "�"
    assert decode(text.encode("gb18030")[:-1], "gbk") == text[:-1] + "�"


def test_utf8_under_a_wrong_name_is_still_utf8() -> None:
    for label in ("us-ascii", "euc-jp", "nonsense"):
        assert decode("blåbær €".encode(), label) == "blåbær €"


def test_a_replacement_character_that_was_sent_is_no_damage() -> None:
    text = "��� lost on the way, å"
    assert decode(text.encode(), "utf-8") == text
    assert guess(text.encode()) == text


def test_no_codec_of_python_beyond_text_is_reached() -> None:
    for label in OF_BYTES:
        assert not codecs.lookup(label)._is_text_encoding, "or this test looks at the wrong ones"
