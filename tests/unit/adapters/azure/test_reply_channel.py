from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from adapters.azure.graph_outbox import GraphOutbox
from adapters.azure.reply_channel import GraphReplyChannel
from adapters.web.address_guard import AddressGuard
from adapters.web.signing import Signer, new_secret
from adapters.web.webhook import WebhookSender
from mail_ingest.message import read_message
from mail_ingest.reply import Sender
from mail_ingest.screen import Arrival, NoAnswer, ScreenPolicy, answer_to
from shared.intake import thumbnail_name
from shared.ports import ReplyReceipt, ReplyState
from tests.fakes.graph import Fault, FaultKind, Limits
from tests.fakes.graph.openapi import GraphDescription
from tests.support.answers import answer, photo
from tests.support.graph import ADDRESS, GraphBench, graph_bench
from tests.support.graph_memory import MemoryLedger
from tests.support.local_services import local_blob_store

DESCRIPTION = (
    Path(__file__).parents[4] / ".." / "shared" / "reference" / "graph" / "graph-mail-openapi.yaml"
)
JPEG = b"\xff\xd8jpeg"


class Crash(BaseException):
    """The process dies."""


class Channels:
    """Opens channels on one mailbox and one ledger: another one is what comes after a crash."""

    def __init__(self, bench: GraphBench, folder: Path) -> None:
        self.bench = bench
        self.graph = bench.graph
        self.ledger = MemoryLedger()
        self._folder = folder

    async def send(self) -> ReplyReceipt:
        """Answer, through a new channel."""
        with local_blob_store(self._folder) as blobs:
            await blobs.put(thumbnail_name(photo().sha256), JPEG)
            clock = self.bench.clock
            signer = Signer([new_secret()])
            webhooks = WebhookSender(AddressGuard([]), signer, clock=clock)
            channel = GraphReplyChannel(
                self.bench.mail,
                blobs,
                self.ledger,
                webhooks=webhooks,
                sender=Sender(newsroom="Newsroom", address=ADDRESS),
                desk_address="",
                clock=clock,
            )
            return await channel.send(self.bench.answer(photo()))


@pytest.fixture
async def channels(tmp_path: Path) -> AsyncGenerator[Channels]:
    async with graph_bench() as bench:
        yield Channels(bench, tmp_path)


def fault(kind: FaultKind, match: str, **how: Any) -> Fault:
    return Fault(kind=kind, match=match, **how)


async def test_an_answer_goes_to_the_submitter_in_the_thread_of_the_mail(
    channels: Channels,
) -> None:
    receipt = await channels.send()
    assert receipt == ReplyReceipt(state=ReplyState.SENT, at="2026-11-24T12:00:00.000Z")
    (mail,) = channels.graph.sent
    assert mail.to == ("ola@example.org",)
    assert (mail.subject, mail.in_reply_to) == ("Re: Boat", "<parent@example.org>")
    assert "Thank you, we have your photo" in mail.body
    (picture,) = mail.attachments
    assert (picture.content, picture.inline) == (JPEG, True)
    assert f"cid:{picture.content_id}" in mail.body


async def test_our_own_answers_are_known_as_ours_and_ask_for_no_answer(
    channels: Channels,
) -> None:
    await channels.send()
    (mail,) = channels.graph.sent
    assert mail.headers["X-Auto-Response-Suppress"] == "All"
    header = "".join(f"{name}: {value}\r\n" for name, value in mail.headers.items()).encode()
    message = read_message(b"From: someone@example.net\r\n" + header)
    screened = answer_to(
        message,
        envelope_sender=None,
        policy=ScreenPolicy(),
        arrival=Arrival(now=datetime.now(UTC), at=""),
    )
    assert screened.reason == NoAnswer.OURSELVES


async def test_a_mail_that_is_not_in_the_mailbox_is_answered_in_its_thread_all_the_same(
    channels: Channels,
) -> None:
    bench = channels.bench
    bench.graph.mailbox.deliver(  # the same Message-ID, which its sender chose
        b"", internetMessageId="<parent@example.org>", receivedDateTime="2020-01-01T00:00:00Z"
    )
    original = answer(photo())
    stranger = GraphBench.answer

    def other(self: GraphBench, *media: Any, **outcome: Any) -> Any:
        del self, media, outcome
        return original

    GraphBench.answer = other  # type: ignore[method-assign]
    try:
        assert (await channels.send()).state is ReplyState.SENT
    finally:
        GraphBench.answer = stranger  # type: ignore[method-assign]
    (mail,) = channels.graph.sent
    message = message_from_bytes(mail.mime, policy=default)
    assert message["In-Reply-To"] == "<parent@example.org>"
    assert mail.to == ("ola@example.org",)
    assert "createReply" not in str(channels.graph.calls)
    assert len(mail.attachments) == 1


async def test_a_sending_that_was_done_and_not_confirmed_is_not_done_again(
    channels: Channels,
) -> None:
    channels.graph.faults.append(fault(FaultKind.TIMED_OUT_AFTER_ACCEPT, "/send$"))
    assert (await channels.send()).state is ReplyState.SENT
    assert len(channels.graph.sent) == 1


@pytest.mark.parametrize(
    "match", ["GET /", "createReply", "PATCH", "GET .*attachments", "POST .*attachments", "/send$"]
)
@pytest.mark.parametrize(
    "kind",
    [FaultKind.THROTTLED, FaultKind.UNAVAILABLE, FaultKind.ERROR, FaultKind.TIMED_OUT_AFTER_ACCEPT],
)
async def test_whatever_call_fails_the_answer_goes_out_once_and_whole(
    channels: Channels, match: str, kind: FaultKind
) -> None:
    channels.graph.faults.append(fault(kind, match))
    first = await channels.send()
    assert first.state is not ReplyState.REFUSED
    assert (await channels.send()).state is ReplyState.SENT
    (mail,) = channels.graph.sent
    assert [each.content for each in mail.attachments] == [JPEG]
    assert "Thank you" in mail.body


async def test_wherever_the_process_dies_the_answer_goes_out_once_and_whole(
    tmp_path: Path,
) -> None:
    step = 0
    while True:
        async with graph_bench() as bench:
            channels = Channels(bench, tmp_path)
            if not await dies(channels, step):
                break
            assert (await channels.send()).state is ReplyState.SENT
            (mail,) = bench.graph.sent
            assert [each.content for each in mail.attachments] == [JPEG]
            assert mail.subject == "Re: Boat"
        step += 1
    assert step > 20


async def dies(channels: Channels, step: int) -> bool:
    """Send, and die before or after the call of this number: to Graph or to the ledger."""
    left = step

    def counted(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            for part in (None, call):
                if left == 0:
                    raise Crash
                left -= 1
                result = await part(*args, **kwargs) if part else None
            return result

        return wrapped

    client, ledger = channels.bench.mail.client, channels.ledger
    mortal = [(client, "json"), *((ledger, name) for name in ("get", "put", "put_new"))]
    for owner, name in mortal:
        setattr(owner, name, counted(getattr(owner, name)))
    try:
        await channels.send()
    except Crash:
        return True
    finally:
        for owner, name in mortal:
            delattr(owner, name)
    return False


async def test_two_workers_at_once_send_one_answer(channels: Channels) -> None:
    receipts = await asyncio.gather(*(channels.send() for _ in range(3)))
    assert {receipt.state for receipt in receipts} <= {ReplyState.SENT, ReplyState.UNAVAILABLE}
    assert (await channels.send()).state is ReplyState.SENT
    assert len(channels.graph.sent) == 1


async def test_a_draft_that_a_person_deletes_is_made_again(channels: Channels) -> None:
    channels.graph.faults.append(fault(FaultKind.UNAVAILABLE, "PATCH"))
    assert (await channels.send()).state is ReplyState.UNAVAILABLE
    (draft,) = channels.graph.mailbox.folder("drafts")
    channels.graph.mailbox.delete(draft)
    assert (await channels.send()).state is ReplyState.SENT
    assert len(channels.graph.sent) == 1


async def test_a_sent_mail_that_a_person_deletes_is_not_sent_again(channels: Channels) -> None:
    await channels.send()
    for message in channels.graph.mailbox.folder("sentitems"):
        channels.graph.mailbox.delete(message)
    del channels.ledger.notes["reply-sent", channels.bench.answer().reply_id]
    assert (await channels.send()).state is ReplyState.SENT
    assert len(channels.graph.sent) == 1


async def test_a_throttle_says_when_to_come_again(channels: Channels) -> None:
    channels.graph.faults.append(fault(FaultKind.THROTTLED, "/send$", retry_after_s=30))
    receipt = await channels.send()
    assert (receipt.state, receipt.retry_after_s) == (ReplyState.UNAVAILABLE, 30)


async def test_thirty_mails_a_minute_are_sent_and_no_more(tmp_path: Path) -> None:
    async with graph_bench(limits=Limits(sends_per_min=0)) as bench:
        receipt = await Channels(bench, tmp_path).send()
    assert receipt.state is ReplyState.UNAVAILABLE


async def test_header_fields_that_graph_refuses_are_a_refusal_for_good(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.azure.graph_answers.OWN_FIELD", "Auto-Submitted")
    receipt = await channels.send()
    assert receipt.state is ReplyState.REFUSED
    assert "InvalidInternetMessageHeader" in receipt.reason


@pytest.mark.parametrize("size", [2_999_999, 3_000_000, 9_000_001])
async def test_a_picture_of_any_size_is_attached(channels: Channels, size: int) -> None:
    outbox = GraphOutbox(channels.bench.mail)
    draft_id = await outbox.draft(b"To: ola@example.org\r\n\r\n")
    jpeg = bytes(size)
    await outbox.attach_picture(draft_id, name="a.jpg", cid="c@x", jpeg=jpeg)
    (attachment,) = channels.graph.mailbox.messages[draft_id].attachments
    assert (attachment.content == jpeg, attachment.content_id) == (True, "c@x")
    uploads = [call for call in channels.graph.calls if call.startswith("PUT")]
    assert len(uploads) == (0 if size < 3_000_000 else -(-size // (12 * 327_680)))


async def test_the_fake_answers_as_graph_is_described(channels: Channels) -> None:
    if not DESCRIPTION.is_file():
        pytest.skip("The description of Graph is not beside the project.")
    channels.graph.faults.append(fault(FaultKind.UNAVAILABLE, "/send$"))
    await channels.send()
    await channels.send()
    outbox = GraphOutbox(channels.bench.mail)
    draft_id = await outbox.draft(b"To: ola@example.org\r\n\r\n")
    await outbox.attach_picture(draft_id, name="a.jpg", cid="c@x", jpeg=bytes(3_000_000))
    answers = [each for each in channels.graph.recorded if each.path.startswith("/v1.0")]
    assert len(answers) > 8
    assert GraphDescription(DESCRIPTION).complaints(answers) == []
    wrong = [replace_body(each) for each in answers]
    assert len(GraphDescription(DESCRIPTION).complaints(wrong)) >= len(answers)


def replace_body(recorded: Any) -> Any:
    return recorded._replace(body={"id": 1, "error": 1, "value": 1, "uploadUrl": 1})
