from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.local.mailbox import MaildirMailbox
from mail_ingest.poll import MailboxPoller, PollPolicy
from mail_ingest.ports import Claim, MailboxMessage
from mail_ingest.receive import MailOrigin
from shared.errors import (
    ServiceUnavailableError,
    StorageCorruptError,
    StorageFullError,
    TooLargeError,
)
from shared.model import CloudEvent
from tests.support.clocks import ManualClock


class MemoryMailbox:
    """A Mailbox in memory, to see what the poll does with each message."""

    def __init__(self, *names: str) -> None:
        self.attempts = dict.fromkeys(names, 0)
        self.waiting = list(names)
        self.processed: list[str] = []
        self.dead: dict[str, str] = {}
        self.released: list[tuple[str, int, float]] = []
        self.down = 0

    async def discover(self, *, limit: int) -> Sequence[MailboxMessage]:
        if self.down:
            self.down -= 1
            raise ServiceUnavailableError("mailbox", retry_after_s=0.01)
        return [MailboxMessage(handle=n, attempts=self.attempts[n]) for n in self.waiting[:limit]]

    async def wait(self, timeout_s: float) -> None:
        await asyncio.sleep(timeout_s)

    async def claim(self, message: MailboxMessage, *, lifetime_s: float) -> Claim | None:
        name = message.handle
        if name not in self.waiting:
            return None
        self.waiting.remove(name)
        self.attempts[name] += 1
        received_at = "2026-03-14T09:26:53Z"
        return Claim(
            handle=name, key=f"k|{name}", attempt=self.attempts[name], received_at=received_at,
            size=1,
        )  # fmt: skip

    async def renew(self, claim: Claim, *, lifetime_s: float) -> Claim | None:
        return claim

    async def read(self, claim: Claim) -> AsyncGenerator[bytes]:
        yield claim.handle.encode()

    async def release(self, claim: Claim, *, attempts: int, delay_s: float) -> None:
        self.attempts[claim.handle] = attempts
        self.released.append((claim.handle, attempts, delay_s))
        self.waiting.append(claim.handle)

    async def file_processed(self, claim: Claim) -> None:
        self.processed.append(claim.handle)

    async def dead_letter(self, claim: Claim, *, reason: str, description: str) -> None:
        self.dead[claim.handle] = f"{reason}: {description}"


class Publisher:
    def __init__(self) -> None:
        self.events: list[CloudEvent] = []
        self.down = False

    async def publish(self, event: CloudEvent) -> None:
        if self.down:
            raise ServiceUnavailableError("events")
        self.events.append(event)


class Receiver:
    """Takes mails; `faults` are raised one after the other for the mail of that name."""

    def __init__(self, **faults: list[Exception]) -> None:
        self.faults = faults
        self.taken: list[MailOrigin] = []
        self.at_once = 0
        self.most_at_once = 0

    async def __call__(self, chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> None:
        name = b"".join([chunk async for chunk in chunks]).decode()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        if self.faults.get(name):
            raise self.faults[name].pop(0)
        self.taken.append(origin)


def poller(
    mailbox: MemoryMailbox,
    receiver: Receiver,
    publisher: Publisher | None = None,
    **policy: float,
) -> MailboxPoller:
    settings = {"interval_s": 0.001, "pause_s": 0.01} | policy
    return MailboxPoller(
        mailbox,
        receiver,
        publisher=publisher or Publisher(),
        clock=ManualClock(),
        policy=PollPolicy(**settings),  # type: ignore[arg-type]
    )


@asynccontextmanager
async def running(poller: MailboxPoller) -> AsyncGenerator[None]:
    task = asyncio.create_task(poller.run())
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_mail_is_received_under_its_key_and_then_filed() -> None:
    mailbox, receiver = MemoryMailbox("a"), Receiver()
    assert await poller(mailbox, receiver).poll_once() == 1
    (origin,) = receiver.taken
    assert (origin.source, origin.key, origin.received_at) == (
        "mail", "k|a", "2026-03-14T09:26:53Z",
    )  # fmt: skip
    assert mailbox.processed == ["a"]


async def test_a_bad_mail_is_retried_later_and_the_others_are_taken() -> None:
    mailbox = MemoryMailbox("bad", "b", "c")
    await poller(mailbox, Receiver(bad=[ValueError("broken")])).poll_once()
    assert sorted(mailbox.processed) == ["b", "c"]
    assert mailbox.released == [("bad", 1, 10.0)]


async def test_the_wait_for_the_next_attempt_doubles() -> None:
    mailbox = MemoryMailbox("bad")
    poll = poller(mailbox, Receiver(bad=[ValueError("broken")] * 9), retry_delay_s=3.0)
    for _ in range(4):
        await poll.poll_once()
    assert [delay for _, _, delay in mailbox.released] == [3.0, 6.0, 12.0, 24.0]


async def test_a_mail_that_fails_too_often_is_dead_lettered_and_told_of() -> None:
    mailbox, publisher = MemoryMailbox("bad"), Publisher()
    poll = poller(mailbox, Receiver(bad=[ValueError("secret")] * 9), publisher, max_attempts=2)
    for _ in range(2):
        await poll.poll_once()
    assert mailbox.dead == {"bad": "poison: It failed 2 times. ValueError; see the log."}
    (event,) = publisher.events
    assert event.type == "org.mail-ingest.submission.dead-lettered.v1"


async def test_the_log_says_why_a_mail_failed_and_why_it_was_put_aside(
    caplog: pytest.LogCaptureFixture,
) -> None:
    damaged = StorageCorruptError("records/1", "no JSON")
    poll = poller(
        MemoryMailbox("bad"), Receiver(bad=[damaged, ValueError("secret")]), max_attempts=2
    )
    for _ in range(2):
        await poll.poll_once()
    told = [(line.message, vars(line)["reason"], bool(line.exc_info)) for line in caplog.records]
    assert told == [
        ("message failed", str(damaged), False),
        ("message failed", "ValueError", True),  # nobody foresaw it: the trace tells more
        ("message dead-lettered", "It failed 2 times. ValueError; see the log.", False),
    ]


async def test_a_mail_that_kills_the_process_each_time_is_dead_lettered_unread() -> None:
    mailbox, receiver = MemoryMailbox("bad"), Receiver()
    mailbox.attempts["bad"] = 5  # as the crashes left it
    await poller(mailbox, receiver).poll_once()
    assert receiver.taken == []
    assert mailbox.dead == {"bad": "poison: The program stopped each time it worked on this mail."}


async def test_a_mail_that_is_too_large_is_dead_lettered_at_once() -> None:
    mailbox = MemoryMailbox("big")
    await poller(mailbox, Receiver(big=[TooLargeError("The message", 1000)])).poll_once()
    assert mailbox.dead == {
        "big": "too_large: The message is larger than the limit of 1,000 bytes."
    }


@pytest.mark.parametrize(
    "fault",
    [ServiceUnavailableError("blobs"), StorageFullError("disk")],
    ids=["service down", "disk full"],
)
async def test_what_is_not_the_mail_s_fault_is_not_counted(fault: Exception) -> None:
    mailbox = MemoryMailbox("a")
    poll = poller(mailbox, Receiver(a=[fault] * 20), max_attempts=2)
    for _ in range(20):
        await poll.poll_once()
    assert (mailbox.attempts["a"], mailbox.dead) == (0, {})
    await poll.poll_once()
    assert mailbox.processed == ["a"]


async def test_nothing_new_begins_while_a_service_asks_for_patience() -> None:
    mailbox = MemoryMailbox("a", "b")
    receiver = Receiver(a=[ServiceUnavailableError("mailbox", retry_after_s=0.2)])
    poll = poller(mailbox, receiver, concurrency=1)
    start = asyncio.get_running_loop().time()
    await poll.poll_once()
    assert asyncio.get_running_loop().time() - start >= 0.2
    assert mailbox.processed == ["b"]


async def test_no_more_mails_than_allowed_are_worked_on_at_once() -> None:
    mailbox, receiver = MemoryMailbox(*(f"m{n}" for n in range(20))), Receiver()
    await poller(mailbox, receiver, concurrency=3).poll_once()
    assert (len(mailbox.processed), receiver.most_at_once) == (20, 3)


async def test_a_mailbox_that_is_down_is_asked_again() -> None:
    mailbox = MemoryMailbox("a")
    mailbox.down = 3
    async with running(poller(mailbox, Receiver())):
        await until_processed(mailbox, 1)


def stumbling(
    monkeypatch: pytest.MonkeyPatch, mailbox: MemoryMailbox, step: str, faults: list[LookupError]
) -> None:
    """Let a step of the mailbox raise each of the faults before it works."""
    real = getattr(mailbox, step)

    async def stumble(*given: object, **options: object) -> object:
        if faults:
            raise faults.pop()
        return await real(*given, **options)

    monkeypatch.setattr(mailbox, step, stumble)


@pytest.mark.parametrize("step", ["discover", "claim"])
async def test_what_nobody_foresaw_about_a_mailbox_is_logged_and_does_not_end_the_poll(
    step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = MemoryMailbox("a")
    stumbling(monkeypatch, mailbox, step, [LookupError(), LookupError()])
    async with running(poller(mailbox, Receiver())):
        await until_processed(mailbox, 1)
    told = [line for line in caplog.records if vars(line)["action"] == "mailbox_unavailable"]
    assert [vars(line)["reason"] for line in told] == ["LookupError"] * 2
    assert all(line.exc_info for line in told)


async def test_the_reason_why_a_mailbox_is_not_there_reaches_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mailbox = MemoryMailbox("a")
    mailbox.down = 1
    assert await poller(mailbox, Receiver()).poll_once() == 0
    (line,) = caplog.records
    assert vars(line)["reason"] == "The service mailbox is not available."
    assert not line.exc_info


@pytest.mark.parametrize("step", ["dead_letter", "release"])
async def test_a_mail_that_can_neither_be_put_aside_nor_given_back_disturbs_no_other(
    step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox, faults = MemoryMailbox("bad"), [LookupError()]
    stumbling(monkeypatch, mailbox, step, faults)
    receiver = Receiver(bad=[ValueError("broken")] * 2)
    async with running(poller(mailbox, receiver, max_attempts=2)):
        while not (mailbox.dead and not faults):
            await asyncio.sleep(0.001)
        mailbox.waiting.append("other")
        mailbox.attempts["other"] = 0
        await until_processed(mailbox, 1)
    assert mailbox.processed == ["other"]
    stumbles = [each.exc_info for each in caplog.records if each.exc_info]
    assert [kind for kind, *_ in stumbles].count(LookupError) == 1


async def test_a_mail_that_hangs_blocks_nobody_and_its_time_ends() -> None:
    mailbox = MemoryMailbox("hangs", *(f"m{n}" for n in range(5)))

    class Hanging(Receiver):
        async def __call__(self, chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> None:
            if origin.key.endswith("hangs"):
                await anext(chunks)
                await asyncio.sleep(3600)

    async with running(poller(mailbox, Hanging(), lifetime_s=0.05, concurrency=2)):
        await until_processed(mailbox, 5)
        mailbox.attempts["late"] = 0
        mailbox.waiting.append("late")
        await until_processed(mailbox, 6)
        await asyncio.sleep(0.1)
    assert mailbox.released[0][:2] == ("hangs", 1)


async def test_a_stop_gives_back_what_is_under_way_uncounted() -> None:
    mailbox = MemoryMailbox("a")
    begun = asyncio.Event()

    class Slow(Receiver):
        async def __call__(self, chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> None:
            begun.set()
            await asyncio.sleep(3600)

    async with running(poller(mailbox, Slow())):
        await begun.wait()
    assert mailbox.released == [("a", 0, 0.0)]


async def test_a_mail_that_waits_for_another_process_is_not_to_blame() -> None:
    mailbox = MemoryMailbox("a")

    class Waiting(Receiver):
        async def __call__(self, chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> None:
            await asyncio.sleep(3600)

    poll = poller(mailbox, Waiting(), lifetime_s=0.01, max_attempts=1)
    for _ in range(5):
        await poll.poll_once()
    assert (mailbox.attempts["a"], mailbox.dead) == (0, {})


async def test_a_mail_is_given_back_again_and_again_while_the_claims_cannot_be_written() -> None:
    refusals = iter([True] * 3)

    class Down(MemoryMailbox):
        async def release(self, claim: Claim, *, attempts: int, delay_s: float) -> None:
            if next(refusals, False):
                raise ServiceUnavailableError("tables")
            await super().release(claim, attempts=attempts, delay_s=delay_s)

    mailbox = Down("a")
    poll = poller(mailbox, Receiver(a=[ServiceUnavailableError("tables")]))
    await poll.poll_once()
    assert [released[:2] for released in mailbox.released] == [("a", 0)]
    await poll.poll_once()
    assert mailbox.processed == ["a"]


async def test_a_claim_lasts_for_as_long_as_its_mail_is_received() -> None:
    class Renewing(MemoryMailbox):
        async def renew(self, claim: Claim, *, lifetime_s: float) -> Claim | None:
            assert lifetime_s == 0.03
            return replace(claim, handle=f"{claim.handle}+")

    class Slow(Receiver):
        async def __call__(self, chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> None:
            await asyncio.sleep(0.1)

    mailbox = Renewing("a")
    await poller(mailbox, Slow(), claim_s=0.03).poll_once()
    (processed,) = mailbox.processed
    assert processed.startswith("a++"), "what is filed is the claim as it stands in the end"


async def test_giving_back_ends_with_the_claim() -> None:
    class Down(MemoryMailbox):
        async def release(self, claim: Claim, *, attempts: int, delay_s: float) -> None:
            raise ServiceUnavailableError("tables")

    mailbox = Down("a")
    receiver = Receiver(a=[ServiceUnavailableError("tables")])
    assert await poller(mailbox, receiver, lifetime_s=0.05).poll_once() == 1


async def test_a_dead_letter_that_cannot_be_told_of_is_tried_again() -> None:
    mailbox, publisher = MemoryMailbox("big"), Publisher()
    publisher.down = True
    poll = poller(mailbox, Receiver(big=[TooLargeError("x", 1)] * 2), publisher)
    await poll.poll_once()
    assert (mailbox.dead, mailbox.processed) == ({}, [])
    publisher.down = False
    await poll.poll_once()
    assert list(mailbox.dead) == ["big"]


async def until_processed(mailbox: MemoryMailbox, count: int) -> None:
    async with asyncio.timeout(60):
        while len(mailbox.processed) < count:
            await asyncio.sleep(0.001)


async def test_a_maildir_is_worked_off_from_end_to_end(tmp_path: Path) -> None:
    mailbox = await MaildirMailbox.open(tmp_path, clock=ManualClock())
    for n in range(50):
        (tmp_path / "new" / f"170000000{n}.a").write_bytes(b"m%d" % n)
    receiver = Receiver(m7=[ValueError("broken")])
    poll = MailboxPoller(mailbox, receiver, publisher=Publisher(), clock=ManualClock())
    assert await poll.poll_once() == 50
    await mailbox.close()
    assert len(list((tmp_path / ".Processed" / "cur").iterdir())) == 49
    assert len({origin.submission_id for origin in receiver.taken}) == 49
