"""A Graph mailbox for tests: the fake, clients of it, and mailboxes that read it."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.azure.graph_client import GraphClient
from adapters.azure.graph_mail import GraphMail
from adapters.azure.mailbox import GraphMailbox
from shared.ids import mailbox_key, submission_id
from tests.fakes.graph import FakeGraph, Limits, fake_graph
from tests.support.answers import answer
from tests.support.clocks import ManualClock
from tests.support.credentials import FixedToken
from tests.support.graph_memory import MemoryMailboxState

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from shared.model import MediaOutcome
    from shared.ports import Answer, Clock

ADDRESS = "tips@newsroom.example"
TOKEN = "a-token"
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphBench:
    """A fake Graph, one client of it, and the mailbox's durable memory."""

    graph: FakeGraph
    mail: GraphMail
    state: MemoryMailboxState
    clock: ManualClock

    def mailbox(self, *, clock: Clock | None = None, sweep_s: float = 1e9) -> GraphMailbox:
        """A reader of the mailbox. Without `sweep_s` it never lists more than once."""
        return GraphMailbox(self.mail, self.state, clock=clock or self.clock, sweep_s=sweep_s)

    def answer(self, *media: MediaOutcome, **outcome: Any) -> Answer:
        """The answer to a mail that lies in the mailbox; to one that came now where none does."""
        parent, came = "<parent@example.org>", "2026-11-24T12:00:00Z"
        if not any(
            message.properties["internetMessageId"] == parent
            for message in self.graph.mailbox.messages.values()
        ):
            self.graph.mailbox.deliver(
                b"", internetMessageId=parent, receivedDateTime=came, subject="Boat"
            )
        number = submission_id("mail", mailbox_key(ADDRESS, parent, came))
        return answer(*media, submission_id=number, **outcome)


@asynccontextmanager
async def graph_bench(*, limits: Limits | None = None) -> AsyncGenerator[GraphBench]:
    """A fake Graph and a client of it, for as long as the block lasts."""
    async with fake_graph(limits=limits, token=TOKEN) as graph, graph_client(graph.url) as client:
        yield GraphBench(
            graph=graph,
            mail=GraphMail(client, ADDRESS),
            state=MemoryMailboxState(),
            clock=ManualClock(),
        )


@asynccontextmanager
async def graph_client(url: str) -> AsyncGenerator[GraphClient]:
    """A client of the Graph at a URL."""
    client = GraphClient.open(FixedToken(TOKEN), url=url, tls=_NO_CERTIFICATES)
    try:
        yield client
    finally:
        await client.close()
