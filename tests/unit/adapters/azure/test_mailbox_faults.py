"""A fault that strikes one call of one mail harms that mail's attempt, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.azure.graph_errors import GraphCutError, UnexpectedContentError
from adapters.azure.mime_check import MimeCheck
from mail_ingest.message import read_message
from mail_ingest.poll import MailboxPoller, PollPolicy
from shared.errors import ServiceUnavailableError
from tests.fakes.graph import Attachment, Fault, FaultKind
from tests.support.graph import GraphBench, graph_bench
from tests.unit.adapters.azure.test_graph_field_bugs import Publisher, Receiver

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.fakes.graph import Message

MAIL = (
    b"From: ola@example.org\r\nContent-Type: multipart/mixed;\r\n boundary=bbb\r\n\r\n"
    b"--bbb\r\nContent-Type: text/plain\r\n\r\n" + b"hello\r\n" * 300 + b"\r\n--bbb--\r\n"
)
PLAIN = b"From: kari@example.org\r\n\r\nhello\r\n"
JPEG = b"\xff\xd8" + bytes(range(256)) * 200
JPEG_LINE = b"/9gAAQIDBAUGBwgJCgsMDQ4P"


@pytest.fixture
async def bench() -> AsyncGenerator[GraphBench]:
    async with graph_bench() as bench:
        yield bench


class Poll:
    """Polls a mailbox and takes its mails."""

    def __init__(self, bench: GraphBench, *, sweep_s: float = 1e9) -> None:
        self._bench = bench
        self.receiver = Receiver()
        self._poller = MailboxPoller(
            bench.mailbox(sweep_s=sweep_s),
            self.receiver,
            publisher=Publisher(),
            clock=bench.clock,
            policy=PollPolicy(pause_s=0.01, retry_delay_s=1.0),
        )

    async def rounds(self, count: int) -> None:
        for _ in range(count):
            await self._poller.poll_once()
            self._bench.clock.advance(seconds=61)

    @property
    def taken(self) -> list[bytes]:
        return list(self.receiver.taken.values())


def strike(bench: GraphBench, message: Message, call: str, kind: FaultKind, **how: Any) -> None:
    bench.graph.faults.append(Fault(kind=kind, match=f"{message.id}{call}", **how))


@pytest.mark.parametrize(
    "kind",
    [FaultKind.PAGE, FaultKind.JSON_ERROR, FaultKind.EMPTY, FaultKind.HALF, FaultKind.SHORT],
    ids=str,
)
async def test_what_is_not_the_mail_is_not_taken_and_the_mail_is_when_it_comes(
    bench: GraphBench, kind: FaultKind
) -> None:
    message = bench.graph.mailbox.deliver(MAIL)
    strike(bench, message, r"/\$value", kind)
    poll = Poll(bench)
    await poll.rounds(1)
    assert poll.taken == []
    assert bench.graph.mailbox.folder("Processed") == []
    await poll.rounds(1)
    assert poll.taken == [MAIL]
    assert bench.graph.mailbox.folder("Processed") == [message]


async def test_a_mail_that_was_sent_without_its_end_is_taken_as_it_came(bench: GraphBench) -> None:
    endless = MAIL.removesuffix(b"\r\n--bbb--\r\n")
    bench.graph.mailbox.deliver(endless)
    poll = Poll(bench)
    await poll.rounds(2)
    assert poll.taken == []
    await poll.rounds(1)
    assert poll.taken == [endless]


async def test_a_mail_that_is_much_smaller_than_the_store_says_was_cut(bench: GraphBench) -> None:
    mail = b"From: a@example.org\r\nContent-Type: image/jpeg\r\n\r\n" + b"AAAA\r\n" * 40_000
    message = bench.graph.mailbox.deliver(mail)
    strike(bench, message, r"/\$value", FaultKind.SHORT, after_bytes=20_000)
    poll = Poll(bench)
    await poll.rounds(1)
    assert poll.taken == []
    await poll.rounds(1)
    assert poll.taken == [mail]


@pytest.mark.parametrize("status", [409, 412, 423, 500, 507])
async def test_one_refusal_that_may_pass_costs_an_attempt_and_no_part_of_the_mail(
    bench: GraphBench, status: int
) -> None:
    message = bench.graph.mailbox.deliver(MAIL)
    strike(bench, message, r"/\$value", FaultKind.REFUSED, status=status)
    poll = Poll(bench)
    await poll.rounds(2)
    assert poll.taken == [MAIL]


@pytest.mark.parametrize("kind", [FaultKind.ERROR, FaultKind.PAGE, FaultKind.SHORT], ids=str)
async def test_one_fault_of_an_attachment_leaves_no_photo_out(
    bench: GraphBench, kind: FaultKind
) -> None:
    message = bench.graph.mailbox.deliver(MAIL, hasAttachments=True)
    message.broken_mime = True
    message.attachments.append(Attachment(name="a.jpg", content=JPEG, media_type="image/jpeg"))
    strike(bench, message, "/attachments/.*value", kind, after_bytes=100)
    poll = Poll(bench)
    await poll.rounds(4)
    assert poll.taken == []
    await poll.rounds(1)
    (mail,) = poll.taken
    assert JPEG_LINE in mail


async def test_an_attachment_that_is_a_page_of_html_is_taken(bench: GraphBench) -> None:
    message = bench.graph.mailbox.deliver(MAIL, hasAttachments=True)
    message.broken_mime = True
    page = Attachment(name="a.html", content=b"<html>", media_type="text/html")
    message.attachments.append(page)
    poll = Poll(bench)
    await poll.rounds(4)
    (mail,) = poll.taken
    assert b"PGh0bWw+" in mail


async def test_a_mail_that_was_put_together_says_so_in_its_record(bench: GraphBench) -> None:
    bench.graph.mailbox.deliver(PLAIN).broken_mime = True
    poll = Poll(bench)
    await poll.rounds(4)
    (mail,) = poll.taken
    header = mail.partition(b"\r\n\r\n")[0]
    sentences = [defect.sentence for defect in read_message(header).defects]
    assert any("put together" in sentence for sentence in sentences)
    plain = read_message(PLAIN.partition(b"\r\n\r\n")[0])
    assert not any("put together" in defect.sentence for defect in plain.defects)


@pytest.mark.parametrize("status", [403, 423])
async def test_a_mail_that_is_refused_for_ever_is_a_dead_letter_and_holds_up_nobody(
    bench: GraphBench, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    bad = bench.graph.mailbox.deliver(MAIL)
    strike(bench, bad, r"/\$value", FaultKind.REFUSED, status=status, times=99)
    poll = Poll(bench)
    await poll.rounds(1)
    good = bench.graph.mailbox.deliver(PLAIN)
    await poll.rounds(4)
    assert bench.graph.mailbox.folder("DeadLetter") == [bad]
    assert bench.graph.mailbox.folder("Processed") == [good]
    assert not [line for line in caplog.records if line.message == "mailbox unavailable"]


async def test_a_place_in_the_change_log_that_is_refused_is_forgotten_after_a_while(
    bench: GraphBench, caplog: pytest.LogCaptureFixture
) -> None:
    poll = Poll(bench)
    await poll.rounds(1)
    broken = Fault(kind=FaultKind.REFUSED, match="GET .*/delta", status=400, times=3)
    bench.graph.faults.append(broken)
    bench.graph.mailbox.deliver(PLAIN)
    await poll.rounds(1)
    assert poll.taken == [PLAIN]  # the listing has found it meanwhile
    await poll.rounds(2)
    told = [vars(line)["action"] for line in caplog.records if "action" in vars(line)]
    assert told.count("mailbox_changes_failed") == 3
    assert told.count("mailbox_link_forgotten") == 1
    bench.graph.mailbox.deliver(PLAIN)
    await poll.rounds(1)
    assert len(poll.taken) == 2


async def test_an_unwell_graph_makes_nobody_forget_the_place(bench: GraphBench) -> None:
    poll = Poll(bench)
    await poll.rounds(1)
    link = bench.state.watch.link
    bench.graph.faults.append(Fault(kind=FaultKind.UNAVAILABLE, match="delta", times=5))
    await poll.rounds(5)
    assert bench.state.watch.link == link


async def test_a_folder_that_a_person_deleted_is_made_again(
    bench: GraphBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.graph.mailbox.deliver(PLAIN)
    poll = Poll(bench)
    await poll.rounds(1)
    bench.graph.mailbox.delete_folder("Processed")
    second = bench.graph.mailbox.deliver(PLAIN)
    await poll.rounds(1)
    assert bench.graph.mailbox.folder("Processed") == [second]
    assert "folder is missing, made again" in [line.message for line in caplog.records]


async def test_a_listing_without_an_end_is_left(bench: GraphBench) -> None:
    bench.graph.mailbox.deliver(PLAIN)
    listing = bench.mail.listing
    calls = 0

    async def looping(link: str, *fields: str) -> object:
        nonlocal calls
        calls += 1
        page = await listing("", *fields)
        object.__setattr__(page, "next_link", f"{bench.graph.url}/users/x/messages?$skip=1")
        return page

    bench.mail.listing = looping  # type: ignore[method-assign]
    await bench.mailbox().discover(limit=10)
    assert calls == 2


async def test_a_log_of_changes_without_an_end_is_left(bench: GraphBench) -> None:
    changes = bench.mail.changes
    calls = 0

    async def looping(link: str, *fields: str) -> object:
        nonlocal calls
        calls += 1
        page = await changes("", *fields)
        object.__setattr__(page, "next_link", f"{bench.graph.url}/users/x/delta?$skiptoken=1")
        return page

    bench.mail.changes = looping  # type: ignore[method-assign]
    await bench.mailbox().discover(limit=10)
    assert calls == 2
    assert bench.state.watch.link == ""


async def test_a_list_of_attachments_without_an_end_is_a_fault(bench: GraphBench) -> None:
    message = bench.graph.mailbox.deliver(PLAIN)
    json = bench.mail.client.json

    async def looping(request: Any) -> Any:
        body = await json(request)
        return {**body, "@odata.nextLink": f"{bench.graph.url}/users/x/messages/{message.id}"}

    bench.mail.client.json = looping  # type: ignore[method-assign]
    with pytest.raises(GraphCutError, match="no end"):
        await bench.mail.attachments(message.id)


async def test_a_wait_until_another_century_is_a_wait_of_minutes(bench: GraphBench) -> None:
    bench.graph.faults.append(Fault(kind=FaultKind.THROTTLED, retry_after_s=3e9))
    with pytest.raises(ServiceUnavailableError) as caught:
        await bench.mailbox().discover(limit=10)
    assert caught.value.retry_after_s == 1800


async def test_a_draft_in_the_inbox_is_not_taken(bench: GraphBench) -> None:
    bench.graph.mailbox.deliver(PLAIN, isDraft=True)
    poll = Poll(bench, sweep_s=60)
    await poll.rounds(3)
    assert poll.taken == []
    assert bench.graph.mailbox.folder("Processed") == []


async def test_a_mail_that_a_rule_moves_after_the_claim_stays_where_the_rule_put_it(
    bench: GraphBench,
) -> None:
    message = bench.graph.mailbox.deliver(PLAIN)
    mailbox = bench.mailbox()
    (seen,) = await mailbox.discover(limit=10)
    claim = await mailbox.claim(seen, lifetime_s=60)
    assert claim is not None
    bench.graph.mailbox.move(message, "deleteditems")
    await mailbox.file_processed(claim)
    assert bench.graph.mailbox.folder("Processed") == []
    assert bench.state.mails == {}


def check(*pieces: bytes) -> MimeCheck:
    made = MimeCheck()
    for piece in pieces:
        made.feed(piece)
    made.finish()
    return made


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_a_whole_mail_is_one_in_pieces_of_any_size(size: int) -> None:
    pieces = [MAIL[start : start + size] for start in range(0, len(MAIL), size)]
    assert check(*pieces).is_proven
    assert not check(PLAIN).is_proven


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", UnexpectedContentError),
        (b"<html>\r\n\r\n</html>", UnexpectedContentError),
        (b'{"error": {}}', UnexpectedContentError),
        (b"From: a@example.org\r\nSub", GraphCutError),
        (MAIL[:-12], GraphCutError),
    ],
)
def test_what_cannot_be_a_whole_mail_is_refused(content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        check(content)
