"""Authentication-Results (RFC 8601), also as forgers write it."""

from __future__ import annotations

import pytest

from mail_ingest.authentication import authentication, believed, proven_domains
from shared.model import Authentication

OURS = "mx.news.example"
NOTHING: frozenset[str] = frozenset()
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


# As Exchange Online writes it: on top, and without a name (message-headers-eop-mdo).
EXCHANGE = (
    "spf=pass (sender IP is 209.85.128.53) smtp.mailfrom=gmail.com; dkim=pass (signature was"
    " verified) header.d=gmail.com;dmarc=pass action=none header.from=gmail.com;compauth=pass"
    " reason=100"
)
EXCHANGE_FAIL = (
    "spf=fail (sender IP is 203.0.113.9) smtp.mailfrom=bank.example; dkim=none (message not signed)"
    " header.d=none;dmarc=fail action=oreject header.from=bank.example;compauth=fail reason=000"
)


def test_exchanges_nameless_field_counts_in_its_mailbox_only() -> None:
    assert authentication([EXCHANGE], "", from_exchange=True) == ALL_PASS
    assert authentication([EXCHANGE], OURS, from_exchange=True) == ALL_PASS
    assert authentication([EXCHANGE], "") == Authentication()
    assert authentication([EXCHANGE], OURS) == Authentication()


def test_only_the_topmost_field_counts_in_a_mailbox_of_exchange() -> None:
    failed = Authentication(spf="fail", dkim="none", dmarc="fail")
    forged = f"{OURS}; spf=pass; dkim=pass; dmarc=pass"
    for below in (EXCHANGE, forged):
        assert authentication([EXCHANGE_FAIL, below], OURS, from_exchange=True) == failed
        named = ["mx.other.example; spf=none", below]
        assert authentication(named, OURS, from_exchange=True) == Authentication()
    assert authentication([forged], OURS, from_exchange=True) == ALL_PASS


def test_a_dmarc_pass_of_another_author_is_none() -> None:
    found = authentication([EXCHANGE], "", from_exchange=True, author_domain="bank.example")
    assert found.dmarc == "unknown"
    found = authentication([EXCHANGE], "", from_exchange=True, author_domain="GMAIL.com")
    assert found.dmarc == "pass"


@pytest.mark.parametrize(
    ("results", "proven"),
    [
        ("spf=pass smtp.mailfrom=ann@a.example", frozenset({"a.example"})),
        ("spf=pass smtp.mailfrom=a.example", frozenset({"a.example"})),
        ("spf=pass", frozenset({"envelope.example"})),
        ("spf=softfail smtp.mailfrom=ann@a.example", NOTHING),
        ("dkim=pass header.d=A.example.; dkim=fail header.d=b.example", frozenset({"a.example"})),
        ("dkim=pass header.i=@a.example", frozenset({"a.example"})),
        ("dkim=pass", NOTHING),
        ("dmarc=pass (p=reject) header.from=author.example", frozenset({"author.example"})),
        ("dmarc=pass", frozenset({"author.example"})),
        ("dmarc=pass header.from=other.example", NOTHING),
        ('dkim=pass reason="header.d=victim.example" header.d=a.example', frozenset({"a.example"})),
        ('spf=pass smtp.mailfrom="x header.d=victim.example"@a.example', NOTHING),
        ("dkim=pass header.d=example", NOTHING),
        ("none", NOTHING),
    ],
)
def test_a_pass_proves_a_domain(results: str, proven: frozenset[str]) -> None:
    found = proven_domains(
        believed([f"{OURS}; {results}"], OURS),
        author_domain="author.example",
        envelope_domain="envelope.example",
    )
    assert found == proven
