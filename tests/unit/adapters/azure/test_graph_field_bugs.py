"""The ways in which other programs lose mails of a Graph mailbox, one test each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from mail_ingest.poll import MailboxPoller, PollPolicy
from mail_ingest.receive import MailOrigin
from shared.ids import submission_id
from shared.model import CloudEvent
from tests.fakes.graph import Attachment, Fault, FaultKind
from tests.support.graph import GraphBench, graph_bench

MAIL = b"From: ola@example.org\r\n\r\nhello\r\n"


class Receiver:
    """Takes mails; what it could not read to the end it does not have."""

    def __init__(self) -> None:
        self.taken: dict[str, bytes] = {}

    async def __call__(self, chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> None:
        self.taken[origin.key] = b"".join([chunk async for chunk in chunks])


class Publisher:
    def __init__(self) -> None:
        self.events: list[CloudEvent] = []

    async def publish(self, event: CloudEvent) -> None:
        self.events.append(event)


@pytest.fixture
async def bench() -> AsyncGenerator[GraphBench]:
    async with graph_bench() as bench:
        yield bench


def poller(bench: GraphBench, receiver: Receiver, *, sweep_s: float = 1e9) -> MailboxPoller:
    return MailboxPoller(
        bench.mailbox(sweep_s=sweep_s),
        receiver,
        publisher=Publisher(),
        clock=bench.clock,
        policy=PollPolicy(pause_s=0.01, retry_delay_s=1.0),
    )


async def test_a_large_mail_that_shows_late_is_taken_though_it_came_earlier(
    bench: GraphBench,
) -> None:
    receiver = Receiver()
    poll = poller(bench, receiver)
    bench.graph.mailbox.deliver(MAIL, receivedDateTime="2026-11-24T12:00:05Z")
    await poll.poll_once()
    bench.graph.mailbox.deliver(MAIL, receivedDateTime="2026-11-24T12:00:01Z")
    await poll.poll_once()
    assert len(receiver.taken) == 2


async def test_mails_of_one_second_are_all_taken(bench: GraphBench) -> None:
    receiver = Receiver()
    poll = poller(bench, receiver)
    for _ in range(3):
        bench.graph.mailbox.deliver(MAIL, receivedDateTime="2026-11-24T12:00:00Z")
        await poll.poll_once()
    assert len(receiver.taken) == 3


@pytest.mark.parametrize("once_more", [False, True])
async def test_a_change_log_that_is_gone_starts_over_at_once(
    bench: GraphBench, once_more: bool
) -> None:
    receiver = Receiver()
    poll = poller(bench, receiver)
    bench.graph.mailbox.deliver(MAIL)
    await poll.poll_once()
    bench.graph.mailbox.epoch += 1
    if once_more:  # Graph says it with other statuses too
        bench.graph.faults.append(Fault(kind=FaultKind.SYNC_STATE_GONE, match="delta"))
    bench.graph.mailbox.deliver(MAIL)
    await poll.poll_once()
    assert len(receiver.taken) == 2


async def test_a_mail_that_is_called_removed_because_it_was_read_is_taken(
    bench: GraphBench,
) -> None:
    receiver = Receiver()
    mailbox = bench.mailbox()
    message = bench.graph.mailbox.deliver(MAIL)
    await mailbox.discover(limit=10)
    bench.graph.mailbox.update(message, {"isRead": True})
    removed = {"id": message.id, "@removed": {"reason": "changed"}}
    changes = bench.mail.changes

    async def with_removal(link: str, *fields: str) -> object:
        page = await changes(link, *fields)
        object.__setattr__(page, "rows", [removed])
        return page

    bench.mail.changes = with_removal  # type: ignore[method-assign]
    await poller(bench, receiver).poll_once()
    assert len(receiver.taken) == 1


async def test_a_mail_that_left_and_came_back_is_found_by_the_sweep(bench: GraphBench) -> None:
    receiver = Receiver()
    poll = poller(bench, receiver, sweep_s=600)
    bench.graph.mailbox.misses_returning = True
    message = bench.graph.mailbox.deliver(MAIL)
    bench.graph.mailbox.move(message, "deleteditems")
    await poll.poll_once()
    bench.graph.mailbox.move(message, "inbox")
    await poll.poll_once()
    assert receiver.taken == {}  # the log misses it
    bench.clock.advance(seconds=601)
    await poll.poll_once()
    assert len(receiver.taken) == 1


async def test_a_finished_mail_that_a_person_puts_back_is_filed_again(bench: GraphBench) -> None:
    receiver = Receiver()
    poll = poller(bench, receiver)
    message = bench.graph.mailbox.deliver(MAIL)
    await poll.poll_once()
    bench.graph.mailbox.move(message, "inbox")
    await poll.poll_once()
    assert bench.graph.mailbox.folder("Processed") == [message]
    assert len(receiver.taken) == 1  # under the same key


async def test_one_bad_mail_with_one_bad_attachment_holds_up_nobody(bench: GraphBench) -> None:
    receiver = Receiver()
    bad = bench.graph.mailbox.deliver(MAIL, hasAttachments=True)
    bad.broken_mime = True
    bad.attachments += [
        Attachment(name="a.jpg", content=b"first", media_type="image/jpeg"),
        Attachment(name="b.jpg", content=b"second", media_type="image/jpeg", broken=True),
        Attachment(name="c.jpg", content=b"third", media_type="image/jpeg"),
    ]
    for _ in range(5):
        bench.graph.mailbox.deliver(MAIL)
    poll = poller(bench, receiver)
    await poll.poll_once()
    assert len(receiver.taken) == 5
    for _ in range(4):  # only the last attempt leaves anything out
        bench.clock.advance(seconds=60)
        await poll.poll_once()
    assert len(receiver.taken) == 6
    assert len(bench.graph.mailbox.folder("Processed")) == 6
    (composed,) = [mail for mail in receiver.taken.values() if mail != MAIL]
    assert b"a.jpg" in composed
    assert b"b.jpg" in composed
    assert b"dGhpcmQ=" in composed  # "third" in base64


async def test_a_throttle_ends_no_import_and_counts_against_no_mail(bench: GraphBench) -> None:
    receiver = Receiver()
    for _ in range(8):
        bench.graph.mailbox.deliver(MAIL)
    bench.graph.faults += [
        Fault(kind=FaultKind.THROTTLED, match="value", times=2, retry_after_s=0),
        Fault(kind=FaultKind.THROTTLED, match="value", times=2),
    ]
    poll = poller(bench, receiver)
    await poll.poll_once()
    assert [each.attempts for each in bench.state.mails.values()] == [0] * 4
    bench.clock.advance(seconds=10)
    await poll.poll_once()
    assert len(receiver.taken) == 8


async def test_a_mail_that_is_always_cut_is_made_of_its_attachments_and_the_log_says_so(
    bench: GraphBench, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver()
    message = bench.graph.mailbox.deliver(MAIL, body={"contentType": "text", "content": "Hei"})
    message.attachments.append(Attachment(name="a.jpg", content=b"first"))
    bench.graph.faults.append(Fault(kind=FaultKind.CUT, match="value", times=3, after_bytes=9))
    poll = poller(bench, receiver)
    for _ in range(4):
        await poll.poll_once()
        bench.clock.advance(seconds=60)
    (mail,) = receiver.taken.values()
    assert b"Zmlyc3Q=" in mail
    told = [vars(line) for line in caplog.records if line.message == "raw mail given up"]
    assert [each["submission_id"] for each in told] == [submission_id("mail", *receiver.taken)]
