"""Authentication-Results (RFC 8601), also as forgers write it."""

from __future__ import annotations

import pytest

from mail_ingest.authentication import authentication
from shared.model import Authentication

OURS = "mx.news.example"
ALL_PASS = Authentication(spf="pass", dkim="pass", dmarc="pass")


@pytest.mark.parametrize(
    "value",
    [
        f"{OURS}; spf=pass smtp.mailfrom=a@b; dkim=pass header.d=b; dmarc=pass header.from=b",
        f" {OURS} 1;\tspf = PASS;dkim=pass;dmarc=pass",
        f'"{OURS}"; spf=pass reason="good; dmarc=fail"; dkim=pass; dmarc=pass',
        f"(comment; spf=fail) {OURS}; spf=pass (a (nested; spf=fail) one); dkim=pass; dmarc=pass",
        f"{OURS.upper()}; spf=pass; dkim=fail; dkim=pass; dmarc/1=pass",
    ],
)
def test_our_servers_verdicts_are_read(value: str) -> None:
    assert authentication([value], OURS) == ALL_PASS


def test_only_the_topmost_field_of_ours_counts() -> None:
    fields = [
        "mx.other.example; spf=pass; dkim=pass; dmarc=pass",
        f"{OURS}; spf=fail; dmarc=fail",
        f"{OURS}; spf=pass; dkim=pass; dmarc=pass",
    ]
    assert authentication(fields, OURS) == Authentication(spf="fail", dkim="unknown", dmarc="fail")


@pytest.mark.parametrize(
    "value",
    [
        "",
        ";",
        "mx.other.example; spf=pass",
        f"evil ({OURS}; spf=pass); x",
        f"{OURS}.evil.example; spf=pass",
        f"{OURS}; none",
        f"{OURS}; spf=excellent; dkim; dmarc=",
        f"{OURS}; auth=pass; x-spf=pass",
        f'{OURS}; reason="; spf=pass"',
        f"{OURS}; ({'(' * 9000} spf=pass",
    ],
)
def test_what_ours_does_not_say_is_unknown(value: str) -> None:
    assert authentication([value], OURS) == Authentication()


def test_without_a_name_of_ours_nothing_is_believed() -> None:
    assert authentication(["; spf=pass", f"{OURS}; spf=pass"], "") == Authentication()
