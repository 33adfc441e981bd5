from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.azure.graph_client import GraphClient
from adapters.azure.graph_mail import GraphMail
from adapters.azure.mailbox import GraphMailbox
from adapters.azure.mailbox_state import SeenMail
from mail_ingest.ports import Claim, Mailbox
from shared.errors import ServiceUnavailableError
from tests.fakes.graph import Fault, FaultKind, Limits
from tests.fakes.graph.openapi import GraphDescription
from tests.support.credentials import FixedToken
from tests.support.graph import ADDRESS, TOKEN, GraphBench, graph_bench

MAIL = b"From: ola@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nhello\r\n"
DESCRIPTION = (
    Path(__file__).parents[4] / ".." / "shared" / "reference" / "graph" / "graph-mail-openapi.yaml"
)


@pytest.fixture
async def bench() -> AsyncGenerator[GraphBench]:
    async with graph_bench() as bench:
        yield bench


async def claim_all(mailbox: Mailbox) -> list[Claim]:
    claims = [await mailbox.claim(m, lifetime_s=60) for m in await mailbox.discover(limit=100)]
    return [claim for claim in claims if claim is not None]


async def content(mailbox: Mailbox, claim: Claim) -> bytes:
    return b"".join([chunk async for chunk in mailbox.read(claim)])


async def test_a_mail_is_found_read_and_filed(bench: GraphBench) -> None:
    bench.graph.mailbox.deliver(MAIL)
    mailbox = bench.mailbox()
    (claim,) = await claim_all(mailbox)
    assert await content(mailbox, claim) == MAIL
    await mailbox.file_processed(claim)
    assert len(bench.graph.mailbox.folder("Processed")) == 1
    assert await mailbox.discover(limit=10) == []


async def test_the_key_of_a_mail_is_the_one_that_every_reader_of_the_mailbox_makes(
    bench: GraphBench,
) -> None:
    bench.graph.mailbox.deliver(
        MAIL, internetMessageId="<1@example.org>", receivedDateTime="2026-11-24T12:00:00Z"
    )
    (claim,) = await claim_all(bench.mailbox())
    assert claim.key == f"{ADDRESS}|<1@example.org>|2026-11-24T12:00:00Z"
    assert claim.received_at == "2026-11-24T12:00:00Z"


async def test_two_mails_without_a_message_id_have_two_keys(bench: GraphBench) -> None:
    for _ in range(2):
        bench.graph.mailbox.deliver(MAIL, internetMessageId=None, receivedDateTime="x")
    assert len({claim.key for claim in await claim_all(bench.mailbox())}) == 2


async def test_every_call_asks_for_immutable_ids_and_carries_the_token(bench: GraphBench) -> None:
    bench.graph.mailbox.deliver(MAIL)
    mailbox = bench.mailbox()
    (claim,) = await claim_all(mailbox)
    await content(mailbox, claim)
    await mailbox.file_processed(claim)
    assert len(bench.graph.headers) > 5
    for headers in bench.graph.headers:
        assert 'IdType="ImmutableId"' in headers["Prefer"]
        assert headers["Authorization"] == "Bearer a-token"


async def test_mails_are_noted_before_the_place_in_the_log(bench: GraphBench) -> None:
    for _ in range(250):
        bench.graph.mailbox.deliver(MAIL)
    assert len(await bench.mailbox().discover(limit=300)) == 250
    assert bench.state.log[:6] == ["mails", "cursor"] * 3


async def test_a_crash_after_a_page_loses_no_mail(
    bench: GraphBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(250):
        bench.graph.mailbox.deliver(MAIL)
    pages = 0
    add = bench.state.add

    async def crash_at_the_third(mails: Sequence[SeenMail]) -> None:
        nonlocal pages
        pages += 1
        if pages == 3:
            raise ServiceUnavailableError("table")
        await add(mails)

    monkeypatch.setattr(bench.state, "add", crash_at_the_third)
    with pytest.raises(ServiceUnavailableError):
        await bench.mailbox().discover(limit=300)
    bench.clock.advance(seconds=61)  # the dead reader's right to look ends
    assert len(await bench.mailbox().discover(limit=300)) == 250


async def test_only_one_reader_looks_at_a_time(bench: GraphBench) -> None:
    await bench.state.take_watch(now=0.0, until=bench.clock.now().timestamp() + 30)
    bench.graph.mailbox.deliver(MAIL)
    assert await bench.mailbox().discover(limit=10) == []
    assert bench.graph.calls == []
    bench.clock.advance(seconds=31)
    assert len(await bench.mailbox().discover(limit=10)) == 1


async def test_a_link_that_leads_elsewhere_is_not_followed(bench: GraphBench) -> None:
    bench.graph.mailbox.deliver(MAIL)
    bench.state.watch = replace(
        bench.state.watch, link="https://graph.example.net/v1.0/delta?$deltatoken=x"
    )
    assert len(await bench.mailbox().discover(limit=10)) == 1
    assert bench.mail.client.is_ours(bench.state.watch.link)


@pytest.mark.parametrize(
    "link", ["", "http://[", "//127.0.0.1/x", "http://127.0.0.1.example.net/", "file:///etc/passwd"]
)
async def test_what_is_no_link_to_our_graph_is_not_ours(bench: GraphBench, link: str) -> None:
    assert not bench.mail.client.is_ours(link)


async def test_a_mail_that_a_person_moved_away_is_forgotten(bench: GraphBench) -> None:
    message = bench.graph.mailbox.deliver(MAIL)
    mailbox = bench.mailbox()
    (seen,) = await mailbox.discover(limit=10)
    bench.graph.mailbox.move(message, "deleteditems")
    assert await mailbox.claim(seen, lifetime_s=60) is None
    assert bench.state.mails == {}


async def test_a_move_that_was_done_and_not_confirmed_is_done(bench: GraphBench) -> None:
    bench.graph.mailbox.deliver(MAIL)
    mailbox = bench.mailbox()
    (claim,) = await claim_all(mailbox)
    bench.graph.faults.append(Fault(kind=FaultKind.TIMED_OUT_AFTER_ACCEPT, match="/move"))
    with pytest.raises(ServiceUnavailableError):
        await mailbox.file_processed(claim)
    await mailbox.release(claim, attempts=0, delay_s=0)
    assert await claim_all(mailbox) == []
    assert len(bench.graph.mailbox.folder("Processed")) == 1
    assert bench.state.mails == {}


async def test_a_dead_letter_tells_people_why(bench: GraphBench) -> None:
    message = bench.graph.mailbox.deliver(MAIL, categories=["Urgent"])
    mailbox = bench.mailbox()
    (claim,) = await claim_all(mailbox)
    await mailbox.dead_letter(claim, reason="poison", description="It failed 5 times.")
    assert bench.graph.mailbox.folder("DeadLetter") == [message]
    assert message.properties["categories"] == ["Urgent", "mail_ingest: poison"]
    (note,) = message.properties["singleValueExtendedProperties"]
    assert note["value"] == "It failed 5 times."


async def test_a_folder_that_is_missing_is_made_once(bench: GraphBench) -> None:
    for _ in range(2):
        bench.graph.mailbox.deliver(MAIL)
    for mailbox in (bench.mailbox(), bench.mailbox()):
        for claim in await claim_all(mailbox):
            await mailbox.file_processed(claim)
    assert list(bench.graph.mailbox.folders.values()).count("Processed") == 1
    assert len(bench.graph.mailbox.folder("Processed")) == 2


async def test_retry_after_is_waited_for_by_every_call(bench: GraphBench) -> None:
    throttled = Fault(kind=FaultKind.THROTTLED, retry_after_s=120)
    bench.graph.faults.append(throttled)
    mailbox = bench.mailbox()
    with pytest.raises(ServiceUnavailableError) as caught:
        await mailbox.discover(limit=10)
    assert caught.value.retry_after_s == 120
    bench.clock.advance(seconds=61)
    with pytest.raises(ServiceUnavailableError) as caught:
        await mailbox.discover(limit=10)
    assert caught.value.retry_after_s == pytest.approx(120, abs=5)
    assert len(bench.graph.calls) == 1


@pytest.mark.parametrize(
    "kind", [FaultKind.THROTTLED, FaultKind.ERROR, FaultKind.UNAVAILABLE, FaultKind.TIMED_OUT]
)
async def test_what_may_pass_is_nobodys_fault_and_is_not_tried_again_here(
    bench: GraphBench, kind: FaultKind
) -> None:
    bench.graph.faults.append(Fault(kind=kind))
    with pytest.raises(ServiceUnavailableError):
        await bench.mailbox().discover(limit=10)
    assert len(bench.graph.calls) == 1


async def test_a_token_that_is_refused_is_nobodys_fault(bench: GraphBench) -> None:
    client = GraphClient.open(FixedToken("another"), url=bench.graph.url)
    mailbox = GraphMailbox(GraphMail(client, ADDRESS), bench.state, clock=bench.clock)
    with pytest.raises(ServiceUnavailableError, match="401 InvalidAuthenticationToken"):
        await mailbox.discover(limit=10)
    await client.close()


async def test_a_graph_that_is_not_there_is_nobodys_fault(bench: GraphBench) -> None:
    client = GraphClient.open(FixedToken(TOKEN), url="http://127.0.0.1:9/v1.0")
    mailbox = GraphMailbox(GraphMail(client, ADDRESS), bench.state, clock=bench.clock)
    with pytest.raises(ServiceUnavailableError, match="ConnectError"):
        await mailbox.discover(limit=10)
    await client.close()


async def test_a_redirect_gets_no_token(bench: GraphBench) -> None:
    calls = 0

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await reader.readuntil(b"\r\n\r\n")
        place = bench.graph.url.encode()
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % place)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = GraphClient.open(FixedToken(TOKEN), url=f"http://127.0.0.1:{port}/v1.0")
    mailbox = GraphMailbox(GraphMail(client, ADDRESS), bench.state, clock=bench.clock)
    with pytest.raises(ServiceUnavailableError, match="302"):
        await mailbox.discover(limit=10)
    assert (calls, bench.graph.calls) == (1, [])
    await client.close()
    server.close()
    await server.wait_closed()


async def test_no_more_than_four_calls_are_under_way() -> None:
    async with graph_bench(limits=Limits(concurrent=4)) as bench:
        for _ in range(12):
            bench.graph.mailbox.deliver(MAIL)
        mailbox = bench.mailbox()
        claims = await claim_all(mailbox)
        slow = Fault(kind=FaultKind.SLOW, match="value", times=99, seconds=0.02)
        bench.graph.faults.append(slow)
        await asyncio.gather(*(content(mailbox, claim) for claim in claims))
        assert bench.graph.throttle.most_at_once == 4
        assert bench.graph.throttle.refused == 0


async def test_waking_ends_the_wait(bench: GraphBench) -> None:
    mailbox = bench.mailbox()
    mailbox.wake()
    await mailbox.wait(60)


async def test_the_fake_answers_as_graph_is_described(bench: GraphBench) -> None:
    if not DESCRIPTION.is_file():
        pytest.skip("The description of Graph is not beside the project.")
    for _ in range(3):
        bench.graph.mailbox.deliver(MAIL)
    mailbox = bench.mailbox()
    first, second, _ = await claim_all(mailbox)
    await content(mailbox, first)
    await mailbox.file_processed(first)
    await mailbox.dead_letter(second, reason="poison", description="It failed.")
    bench.graph.faults += [Fault(kind=kind, match="delta") for kind in (FaultKind.THROTTLED,)]
    with pytest.raises(ServiceUnavailableError):
        await mailbox.discover(limit=10)
    assert GraphDescription(DESCRIPTION).complaints(bench.graph.recorded) == []
    broken = [answer._replace(body={"id": 1}) for answer in bench.graph.recorded]
    assert len(GraphDescription(DESCRIPTION).complaints(broken)) >= len(broken) - 1
