"""How many answer mails go out in a day, and what counts as one address and one domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.answer_limits import AnswerLimits, counted_address, counted_domain
from tests.support.local_services import LocalServices, local_services

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMITS = AnswerLimits(per_address=3, per_domain=5, total=7)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[LocalServices]:
    with local_services(tmp_path) as opened:
        yield opened


async def ask(services: LocalServices, reply_id: object, target: str) -> str:
    return await LIMITS.refusal(
        services.index, reply_id=f"r{reply_id}", target=target, day="2026-11-24"
    )


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("Ann@Example.org", "ann@example.org"),
        ("ann+photos@example.org", "ann@example.org"),
        ("ann+a+b@example.org", "ann@example.org"),
        ("a.n.n@example.org", "a.n.n@example.org"),
        ("a.n.n+x@gmail.com", "ann@gmail.com"),
        ("ann@googlemail.com", "ann@gmail.com"),
        ("+ann@example.org", "+ann@example.org"),
    ],
)
def test_variants_of_an_address_are_one(address: str, counted: str) -> None:
    assert counted_address(address) == counted


@pytest.mark.parametrize(
    ("domain", "counted"),
    [
        ("example.org", "example.org"),
        ("a.b.example.org", "example.org"),
        ("bbc.co.uk", "bbc.co.uk"),
        ("mail.bbc.co.uk", "bbc.co.uk"),
        ("nrk.no", "nrk.no"),
        ("post.nrk.no", "nrk.no"),
        ("localhost", "localhost"),
    ],
)
def test_subdomains_are_one_domain(domain: str, counted: str) -> None:
    assert counted_domain(domain) == counted


async def test_plus_and_dot_variants_of_a_victim_get_no_more_than_one_address(
    services: LocalServices,
) -> None:
    variants = [f"vi.ctim+{n}@gmail.com" for n in range(30)] + [
        f"{'victim'[:n]}.{'victim'[n:]}@googlemail.com" for n in range(1, 6)
    ]
    verdicts = [await ask(services, n, variant) for n, variant in enumerate(variants)]
    assert verdicts.count("") == 3
    assert verdicts[-1] == "This address has had its answers for today."


async def test_a_domain_and_its_subdomains_have_a_limit_of_their_own(
    services: LocalServices,
) -> None:
    targets = [f"user{n}@s{n}.example.org" for n in range(10)]
    verdicts = [await ask(services, n, target) for n, target in enumerate(targets)]
    assert verdicts.count("") == 5
    assert "domain" in verdicts[-1]
    assert await ask(services, "other", "ann@elsewhere.example") == ""


async def test_all_answers_together_have_a_limit(services: LocalServices) -> None:
    verdicts = [await ask(services, n, f"user@d{n}.example") for n in range(10)]
    assert verdicts == [""] * 7 + ["All answers that we send in a day have been sent."] * 3
    assert await ask(services, 0, "user@d0.example") == ""  # the first verdict again


async def test_what_one_address_may_not_have_uses_up_nobody_elses(services: LocalServices) -> None:
    for n in range(20):
        await ask(services, n, "victim@example.org")
    assert await ask(services, "a", "ann@example.org") == ""
    assert await ask(services, "b", "ann@elsewhere.example") == ""
