"""Those who get the answers of a reply channel, by every way that there is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Protocol

from mail_ingest.screen import OWN_FIELD
from shared.model import AnswerTo, Channel
from shared.ports import Answer
from tests.support.answers import answer, photo
from tests.support.clocks import ManualClock
from tests.support.graph import GraphBench
from tests.support.graph_memory import MemoryLedger
from tests.support.smtp_server import MailServer


class Correspondents(Protocol):
    """Those who get the answers of a channel: what reached them, and whether they are there."""

    clock: ManualClock

    def answer(self) -> Answer: ...
    def got(self) -> list[bytes]: ...
    def identities(self) -> set[str]: ...


@dataclass
class Mailboxes:
    """Mail through an SMTP server."""

    server: MailServer
    clock: ManualClock = field(default_factory=ManualClock)

    def answer(self) -> Answer:
        return answer(photo())

    def got(self) -> list[bytes]:
        return [mail.content for mail in self.server.taken]

    def identities(self) -> set[str]:
        return {str(message_from_bytes(m, policy=default)["Message-ID"]) for m in self.got()}


@dataclass
class Files:
    """Mail in the outbox folder."""

    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)

    def answer(self) -> Answer:
        return answer(photo())

    def got(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.glob("*.eml"))]

    def identities(self) -> set[str]:
        return {str(message_from_bytes(m, policy=default)["Message-ID"]) for m in self.got()}


@dataclass
class Hooks:
    """A web server that takes webhooks."""

    port: int = 0
    status: str = "200 OK"
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    clock: ManualClock = field(default_factory=ManualClock)

    def answer(self) -> Answer:
        target = f"http://127.0.0.1:{self.port}/"
        return answer(photo(), answer_to=AnswerTo(channel=Channel.WEBHOOK, target=target))

    def got(self) -> list[bytes]:
        return [body for _, body in self.requests]

    def identities(self) -> set[str]:
        return {headers["webhook-id"] for headers, _ in self.requests}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        self.requests.append((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\n\r\n".encode("ascii"))
        await writer.drain()
        writer.close()


@dataclass
class GraphSenders:
    """Mail from a mailbox of Graph, as replies to what lies in it."""

    graph: GraphBench
    clock: ManualClock = field(default_factory=ManualClock)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)

    def answer(self) -> Answer:
        return self.graph.answer(photo())

    def got(self) -> list[bytes]:
        return [mail.body.encode() for mail in self.graph.graph.sent]

    def identities(self) -> set[str]:
        return {mail.headers[OWN_FIELD] for mail in self.graph.graph.sent}
