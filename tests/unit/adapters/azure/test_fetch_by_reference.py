"""A mail that somebody else saw is found and read, whatever has become of its ID."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.azure.fetch_by_reference import GraphFetchByReference
from http_intake.doors import MailReference
from shared.errors import ServiceUnavailableError
from tests.fakes.graph import Attachment, Fault, FaultKind
from tests.support.graph import ADDRESS, GraphBench, graph_bench

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.fakes.graph import Message

MAIL = b"From: ola@example.org\r\nMessage-ID: <o'1@example.org>\r\n\r\nhello\r\n" * 100
TIME = "2026-11-24T12:00:00Z"


@pytest.fixture
async def bench() -> AsyncGenerator[GraphBench]:
    async with graph_bench() as bench:
        yield bench


def deliver(bench: GraphBench, raw: bytes = MAIL, received_at: str = TIME) -> Message:
    return bench.graph.mailbox.deliver(
        raw, internetMessageId="<o'1@example.org>", receivedDateTime=received_at
    )


def reference(bench: GraphBench, message: Message, *, immutable: bool = True) -> MailReference:
    return MailReference(
        mailbox=ADDRESS,
        graph_id=bench.graph.mailbox.public_id(message, immutable=immutable),
        message_id=message.properties["internetMessageId"],
        received_at=message.properties["receivedDateTime"],
    )


async def fetch(bench: GraphBench, wanted: MailReference) -> bytes | None:
    chunks = await GraphFetchByReference(bench.mail, pauses_s=(0, 0))(wanted)
    return None if chunks is None else b"".join([chunk async for chunk in chunks])


@pytest.mark.parametrize("immutable", [True, False])
async def test_a_mail_is_read_by_either_kind_of_id(bench: GraphBench, immutable: bool) -> None:
    message = deliver(bench)
    assert await fetch(bench, reference(bench, message, immutable=immutable)) == MAIL


async def test_a_mail_whose_id_died_with_a_move_is_found_by_its_message_id(
    bench: GraphBench,
) -> None:
    message = deliver(bench)
    wanted = reference(bench, message, immutable=False)
    bench.graph.mailbox.move(message, "deleteditems")
    assert await fetch(bench, wanted) == MAIL


async def test_an_id_that_is_none_leads_nowhere_else(bench: GraphBench) -> None:
    message = deliver(bench)
    odd = replace(reference(bench, message), graph_id="../../mailFolders/inbox?$select=id#/%2F")
    assert await fetch(bench, odd) == MAIL
    assert len(bench.graph.calls) == 4  # the last one asks for the size of a mail without parts
    assert not any("mailFolders/inbox" in call.split("/messages")[0] for call in bench.graph.calls)


async def test_of_two_mails_with_one_message_id_the_one_of_that_time_is_read(
    bench: GraphBench,
) -> None:
    first = deliver(bench)
    second = deliver(bench, b"Subject: other\r\n\r\n", "2026-11-24T13:00:00Z")
    mixed_up = MailReference(
        mailbox=ADDRESS,
        graph_id=second.id,
        message_id=first.properties["internetMessageId"],
        received_at=TIME,
    )
    assert await fetch(bench, mixed_up) == MAIL


async def test_a_mail_that_was_deleted_is_not_there(bench: GraphBench) -> None:
    message = deliver(bench)
    bench.graph.mailbox.delete(message)
    assert await fetch(bench, reference(bench, message)) is None


async def test_a_mail_that_exchange_cannot_convert_is_made_of_its_attachments(
    bench: GraphBench,
) -> None:
    message = deliver(bench)
    message.broken_mime = True
    message.attachments.append(Attachment(name="cat.jpg", content=b"miaow"))
    made = await fetch(bench, reference(bench, message))
    assert made is not None
    assert b"bWlhb3c=" in made


async def test_one_refusal_that_may_pass_leaves_nothing_out(bench: GraphBench) -> None:
    message = deliver(bench)
    bench.graph.faults.append(Fault(kind=FaultKind.ERROR, match=r"\$value", times=2))
    assert await fetch(bench, reference(bench, message)) == MAIL


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.PAGE, match=r"\$value"),
        Fault(kind=FaultKind.EMPTY, match=r"\$value"),
        Fault(kind=FaultKind.REFUSED, match=r"\$value", status=423),
        Fault(kind=FaultKind.THROTTLED),
        Fault(kind=FaultKind.UNAVAILABLE),
        Fault(kind=FaultKind.ERROR),
        Fault(kind=FaultKind.CUT, match=r"\$value", after_bytes=100),
    ],
)
async def test_what_may_pass_is_told_as_such(bench: GraphBench, fault: Fault) -> None:
    wanted = reference(bench, deliver(bench))
    bench.graph.faults.append(fault)
    with pytest.raises(ServiceUnavailableError):
        await fetch(bench, wanted)
    assert await fetch(bench, wanted) == MAIL


async def test_a_mail_without_its_end_is_given_to_whoever_asks_a_third_time(
    bench: GraphBench,
) -> None:
    head = b"From: ola@example.org\r\nContent-Type: multipart/mixed; boundary=bbb\r\n\r\n"
    endless = head + b"--bbb\r\n\r\nhello\r\n" * 300
    message = deliver(bench, endless)
    for _ in range(2):
        with pytest.raises(ServiceUnavailableError):
            await fetch(bench, reference(bench, message))
    assert await fetch(bench, reference(bench, message)) == endless
