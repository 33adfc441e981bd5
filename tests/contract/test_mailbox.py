"""What every Mailbox does. An adapter joins by a fixture that opens mailboxes on one account."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from adapters.local.mailbox import MaildirMailbox
from mail_ingest.ports import Claim, Mailbox
from tests.support.clocks import ManualClock
from tests.support.graph import GraphBench, graph_bench

MAIL = b"Message-ID: <1@example.org>\r\n\r\nhello\r\n"


class Account(Protocol):
    """A mailbox account that a test delivers into, reads through mailboxes, and looks into."""

    clock: ManualClock

    async def deliver(self, name: str, mail: bytes = MAIL) -> None: ...
    async def reader(self) -> Mailbox: ...
    def name_of(self, claim: Claim) -> str: ...
    def processed(self) -> int: ...
    def dead_letters(self) -> int: ...


class MaildirAccount:
    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self._folder = folder
        self._readers: list[MaildirMailbox] = []

    async def deliver(self, name: str, mail: bytes = MAIL) -> None:
        (self._folder / "new" / name).write_bytes(mail)

    async def reader(self) -> Mailbox:
        self._readers.append(await MaildirMailbox.open(self._folder, clock=self.clock))
        return self._readers[-1]

    def name_of(self, claim: Claim) -> str:
        return claim.key.rpartition("|")[2]

    def processed(self) -> int:
        return len(list((self._folder / ".Processed" / "cur").iterdir()))

    def dead_letters(self) -> int:
        return len(list((self._folder / ".DeadLetter" / "cur").iterdir()))

    async def close(self) -> None:
        for reader in self._readers:
            await reader.close()


class GraphAccount:
    """A mailbox of a fake Graph; the number in a mail's name is when it came."""

    def __init__(self, bench: GraphBench) -> None:
        self.clock = bench.clock
        self._bench = bench

    async def deliver(self, name: str, mail: bytes = MAIL) -> None:
        came = datetime.fromtimestamp(int(name.partition(".")[0]), UTC)
        self._bench.graph.mailbox.deliver(
            mail,
            subject=name,
            internetMessageId="<1@example.org>",
            receivedDateTime=came.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )

    async def reader(self) -> Mailbox:
        return self._bench.mailbox()

    def name_of(self, claim: Claim) -> str:
        messages = self._bench.graph.mailbox.messages.values()
        (name,) = [m.properties["subject"] for m in messages if m.id in claim.handle]
        return name

    def processed(self) -> int:
        return len(self._bench.graph.mailbox.folder("Processed"))

    def dead_letters(self) -> int:
        return len(self._bench.graph.mailbox.folder("DeadLetter"))


@pytest.fixture(params=["maildir", "graph"])
async def account(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Account]:
    if request.param == "graph":
        async with graph_bench() as bench:
            yield GraphAccount(bench)
        return
    account = MaildirAccount(tmp_path)
    yield account
    await account.close()


async def claim_one(mailbox: Mailbox, *, lifetime_s: float = 60) -> Claim:
    (message,) = await mailbox.discover(limit=10)
    claim = await mailbox.claim(message, lifetime_s=lifetime_s)
    assert claim is not None
    return claim


async def content(mailbox: Mailbox, claim: Claim) -> bytes:
    return b"".join([chunk async for chunk in mailbox.read(claim)])


async def test_a_mail_is_discovered_claimed_read_and_filed(account: Account) -> None:
    mailbox = await account.reader()
    await account.deliver("1700000000.a")
    claim = await claim_one(mailbox)
    assert await content(mailbox, claim) == MAIL
    assert claim.attempt == 1
    assert claim.size in (len(MAIL), 0)  # not every mailbox tells
    assert claim.received_at == "2023-11-14T22:13:20Z"
    await mailbox.file_processed(claim)
    assert (account.processed(), account.dead_letters()) == (1, 0)
    assert await mailbox.discover(limit=10) == []


async def test_a_claimed_mail_is_seen_by_nobody_until_its_claim_ends(account: Account) -> None:
    mailbox, other = await account.reader(), await account.reader()
    await account.deliver("1700000000.a")
    first = await claim_one(mailbox, lifetime_s=60)
    assert await other.discover(limit=10) == []
    account.clock.advance(seconds=62)
    second = await claim_one(other)
    assert (second.attempt, second.key) == (2, first.key)


async def test_a_claim_that_is_renewed_lasts_and_can_be_ended(account: Account) -> None:
    mailbox, other = await account.reader(), await account.reader()
    await account.deliver("1700000000.a")
    claim = await claim_one(mailbox, lifetime_s=60)
    for _ in range(3):
        account.clock.advance(seconds=40)
        renewed = await mailbox.renew(claim, lifetime_s=60)
        assert renewed is not None
        claim = renewed
        assert await other.discover(limit=10) == []
    assert (await content(mailbox, claim), claim.attempt) == (MAIL, 1)
    account.clock.advance(seconds=62)
    assert (await claim_one(other)).attempt == 2


async def test_a_claim_that_another_has_taken_over_cannot_be_renewed(account: Account) -> None:
    mailbox, other = await account.reader(), await account.reader()
    await account.deliver("1700000000.a")
    claim = await claim_one(mailbox, lifetime_s=60)
    account.clock.advance(seconds=62)
    taken_over = await claim_one(other, lifetime_s=60)
    assert await mailbox.renew(claim, lifetime_s=600) is None
    await other.file_processed(taken_over)
    assert account.processed() == 1


async def test_of_two_claims_of_one_mail_one_wins(account: Account) -> None:
    mailbox, other = await account.reader(), await account.reader()
    await account.deliver("1700000000.a")
    (seen,), (seen_too,) = await mailbox.discover(limit=10), await other.discover(limit=10)
    assert await mailbox.claim(seen, lifetime_s=60) is not None
    assert await other.claim(seen_too, lifetime_s=60) is None


async def test_a_mail_that_is_given_back_comes_again_after_its_delay(account: Account) -> None:
    mailbox = await account.reader()
    await account.deliver("1700000000.a")
    claim = await claim_one(mailbox)
    await mailbox.release(claim, attempts=0, delay_s=30)
    assert await mailbox.discover(limit=10) == []
    account.clock.advance(seconds=32)
    assert (await claim_one(mailbox)).attempt == 1


async def test_mails_with_fewer_attempts_come_first_then_older_ones(account: Account) -> None:
    mailbox = await account.reader()
    await account.deliver("1700000000.bad")
    await mailbox.release(await claim_one(mailbox), attempts=1, delay_s=0)
    await account.deliver("1700000003.new")
    await account.deliver("1700000001.old")
    names: list[str] = []
    for message in await mailbox.discover(limit=10):
        claim = await mailbox.claim(message, lifetime_s=60)
        assert claim is not None
        names.append(account.name_of(claim).partition(".")[2])
    assert names == ["old", "new", "bad"]


async def test_no_more_than_the_limit_is_discovered(account: Account) -> None:
    mailbox = await account.reader()
    for n in range(5):
        await account.deliver(f"170000000{n}.a")
    assert len(await mailbox.discover(limit=3)) == 3


async def test_the_key_of_a_mail_is_the_same_in_every_attempt(account: Account) -> None:
    mailbox = await account.reader()
    await account.deliver("1700000000.a")
    first = await claim_one(mailbox)
    await mailbox.release(first, attempts=1, delay_s=0)
    assert (await claim_one(await account.reader())).key == first.key


async def test_two_mails_with_one_message_id_have_two_keys(account: Account) -> None:
    mailbox = await account.reader()
    await account.deliver("1700000000.a")
    await account.deliver("1700000001.b")
    claims = [await mailbox.claim(m, lifetime_s=9) for m in await mailbox.discover(limit=10)]
    assert len({claim.key for claim in claims if claim}) == 2


async def test_a_dead_letter_is_put_aside(account: Account) -> None:
    mailbox = await account.reader()
    await account.deliver("1700000000.a")
    claim = await claim_one(mailbox)
    await mailbox.dead_letter(claim, reason="poison", description="It failed 5 times.")
    assert (account.processed(), account.dead_letters()) == (0, 1)
    assert await mailbox.discover(limit=10) == []


async def test_filing_a_mail_twice_is_harmless(account: Account) -> None:
    mailbox = await account.reader()
    await account.deliver("1700000000.a")
    claim = await claim_one(mailbox)
    await mailbox.file_processed(claim)
    await mailbox.file_processed(claim)
    assert account.processed() == 1


async def test_waiting_ends_after_its_time(account: Account) -> None:
    mailbox = await account.reader()
    await mailbox.wait(0.01)
