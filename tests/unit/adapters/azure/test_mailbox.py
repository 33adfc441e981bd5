from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from mail_ingest.ports import Claim, Mailbox
from tests.support.graph import GraphBench, graph_bench

MAIL = b"From: ola@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nhello\r\n"


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
