"""Strangers' text on one line of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_ingest.visible import visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("a\r\nBcc: b", "a Bcc: b"),
        ("a\0b\x1b[31mc", "ab[31mc"),
        ("exe\u202egpj", "exegpj"),
        ("\ufeffhello\u2028there", "hello there"),
        ("\ud83d", ""),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_only_what_can_be_seen_stays(text: str, seen: str) -> None:
    assert visible(text) == seen


@given(st.text())
def test_any_text_fits_on_a_line_of_a_header(text: str) -> None:
    seen = visible(text)
    assert len(seen.splitlines()) <= 1
    assert visible(seen) == seen
    seen.encode()
