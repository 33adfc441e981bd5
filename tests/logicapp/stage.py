"""Everything that a workflow meets, on real sockets: the intake, the mailbox by Graph and by the
connector, and the front of App Service that knows callers by their managed identity.
"""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from adapters.azure.fetch_by_reference import GraphFetchByReference
from http_intake.access import PRINCIPAL_ID
from http_intake.doors import HttpSettings
from shared.ids import mailbox_key, submission_id
from tests.fakes.office365 import FakeOffice365, fake_office365
from tests.logicapp.wdl.http_calls import MESSAGE_LIMIT, HttpCalls
from tests.logicapp.wdl.run import Run
from tests.support.graph import ADDRESS, TOKEN, GraphBench, graph_bench
from tests.support.http_door import Door, open_door
from tests.support.local_http import NO_TLS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from mail_ingest.receive import ReceivePolicy
    from tests.fakes.graph import Message

PROJECT = Path(__file__).parents[2]
SHARED = PROJECT / ".." / "shared"
CONNECTOR_WORKFLOW = PROJECT / "logicapp" / "workflow.json"
GRAPH_WORKFLOW = PROJECT / "logicapp" / "workflow.graph.json"

PRINCIPAL = "0f3c5a2e-1111-2222-3333-444455556666"
AUDIENCE = "api://intake"
MESSAGE_ID, RECEIVED_AT = "<1@example.org>", "2026-11-24T10:00:00Z"
SUBMITTED, FAILED = "Inbox/Submitted", "Inbox/Failed"
SETTINGS = HttpSettings(
    principals={"logicapp": PRINCIPAL}, watchers={"logicapp": frozenset({ADDRESS})}
)


def polled_id(message_id: str = MESSAGE_ID, received_at: str = RECEIVED_AT) -> str:
    """The ID that the mailbox poll gives a message's submission."""
    return submission_id("mail", mailbox_key(ADDRESS, message_id, received_at))


def definition_of(path: Path) -> dict[str, Any]:
    """The definition in a workflow's file."""
    return json.loads(path.read_text("utf-8"))["definition"]


@dataclass(slots=True, kw_only=True)
class Stage:
    """What a workflow runs against. `limit` is the largest body that Logic Apps carries, and
    `principal` whom its managed identity is.
    """

    door: Door
    bench: GraphBench
    connector: FakeOffice365
    client: httpx.AsyncClient
    intake_url: str
    limit: int = MESSAGE_LIMIT
    principal: str = PRINCIPAL

    async def run_for(self, message: Message) -> Run:
        """Run workflow.json for a message, as it lies in the mailbox."""
        return await self.run_with(self.connector.item(message))

    async def run_with(
        self, item: Mapping[str, Any], definition: Mapping[str, Any] | None = None
    ) -> Run:
        """Run workflow.json, or another definition, for what the trigger told of a message."""
        run = self._run(
            definition or definition_of(CONNECTOR_WORKFLOW),
            {
                "$connections": {"office365": {"connectionId": self.connector.url}},
                "sharedMailbox": ADDRESS,
            },
        )
        await run.start(item)
        return run

    async def run_over_inbox(self) -> Run:
        """Run workflow.graph.json once."""
        run = self._run(
            definition_of(GRAPH_WORKFLOW),
            {
                "sharedMailbox": ADDRESS,
                "submittedFolderId": f"AQ-{SUBMITTED}",
                "failedFolderId": f"AQ-{FAILED}",
                "graphUrl": self.bench.graph.url.removesuffix("/v1.0"),
            },
        )
        await run.start()
        return run

    def deliver(
        self, raw: bytes, message_id: str = MESSAGE_ID, received_at: str = RECEIVED_AT
    ) -> Message:
        """A message arrives in the Inbox."""
        return self.bench.graph.mailbox.deliver(
            raw, internetMessageId=message_id, receivedDateTime=received_at
        )

    def folder(self, name: str) -> list[Message]:
        """What lies in a folder of the mailbox."""
        return self.bench.graph.mailbox.folder(name)

    async def submissions(self) -> list[str]:
        """The IDs of all submissions."""
        entries = await self.door.services.index.list()
        return [entry.submission_id for entry in entries]

    def _run(self, definition: Mapping[str, Any], parameters: Mapping[str, Any]) -> Run:
        calls = HttpCalls(client=self.client, identity=self._identity, limit=self.limit)
        own = {"intakeUrl": self.intake_url, "intakeAudience": AUDIENCE}
        return Run(definition, parameters={**parameters, **own}, calls=calls)

    def _identity(self, audience: str) -> dict[str, str]:
        """A token; of the intake's it is App Service that makes the second header field."""
        token = {"Authorization": f"Bearer {TOKEN}"}
        return token | {PRINCIPAL_ID: self.principal} if audience == AUDIENCE else token


@asynccontextmanager
async def stage(
    folder: Path,
    settings: HttpSettings = SETTINGS,
    *,
    policy: ReceivePolicy | None = None,
    reads_mailbox: bool = True,
) -> AsyncGenerator[Stage]:
    """A stage for as long as the block lasts. `reads_mailbox`: the intake has access to Graph."""
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(graph_bench())
        box = bench.graph.mailbox
        box.folders |= {f"AQ-{name}": name for name in (SUBMITTED, FAILED)}
        fetch = {ADDRESS: GraphFetchByReference(bench.mail)} if reads_mailbox else {}
        door = await stack.enter_async_context(
            open_door(folder, settings, policy=policy, mailboxes=fetch)
        )
        yield Stage(
            door=door,
            bench=bench,
            connector=await stack.enter_async_context(fake_office365(box, ADDRESS)),
            client=await stack.enter_async_context(httpx.AsyncClient(verify=NO_TLS)),
            intake_url=door.url,
        )
