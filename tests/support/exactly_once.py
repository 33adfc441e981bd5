"""Two workers on one Graph mailbox, who die often while everything fails, and what came of it.

A worker is the real poller, mailbox and reply channel. What a process cannot take along when it
dies is here: the memory of the mailbox, the ledger of answers, the submissions. Time runs a hundred
times as fast, so that claims end while one watches.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from adapters.azure.graph_mail import GraphMail
from adapters.azure.mailbox import GraphMailbox
from adapters.azure.reply_channel import GraphReplyChannel
from adapters.web.address_guard import AddressGuard
from adapters.web.signing import Signer, new_secret
from adapters.web.webhook import WebhookSender
from mail_ingest.poll import MailboxPoller, PollPolicy
from mail_ingest.reply import Sender
from shared.model import AnswerTo, Channel
from shared.ports import ReplyState
from tests.fakes.graph import FakeGraph, Fault, FaultKind, Limits, fake_graph
from tests.fakes.graph.mailbox import Attachment
from tests.support.answers import answer
from tests.support.clocks import START
from tests.support.graph import ADDRESS, TOKEN, graph_client
from tests.support.graph_memory import MemoryLedger, MemoryMailboxState
from tests.support.mortal import Crash, Life

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from adapters.azure.mailbox_state import MailboxState
    from mail_ingest.receive import MailOrigin
    from shared.model import CloudEvent

_SPEED = 100
_PHOTO = b"photo" * 500
_LIMITS = Limits(calls_per_10_min=10**9, sends_per_min=10**9, retry_after_s=0)
_POLICY = PollPolicy(
    interval_s=0.05, lifetime_s=150.0, max_attempts=1000, retry_delay_s=1.0, pause_s=0.01
)
_FAULTS = (
    Fault(kind=FaultKind.THROTTLED, retry_after_s=0),
    Fault(kind=FaultKind.THROTTLED),
    Fault(kind=FaultKind.ERROR),
    Fault(kind=FaultKind.UNAVAILABLE),
    Fault(kind=FaultKind.TIMED_OUT),
    Fault(kind=FaultKind.TIMED_OUT_AFTER_ACCEPT, match="POST|PATCH"),
    Fault(kind=FaultKind.SYNC_STATE_GONE, match="delta"),
    Fault(kind=FaultKind.CUT, match="value", after_bytes=500),
    Fault(kind=FaultKind.SLOW, seconds=0.05),
)


class FastClock:
    """A clock that runs `_SPEED` times as fast."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> datetime:
        return START + timedelta(seconds=_SPEED * (time.monotonic() - self._began))


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is played. `state_of` and `ledger_of` let a test break what a worker remembers by."""

    seed: int
    mails: int
    risk: float = 0.004  # of dying, at each call
    sweep_s: float = 100.0
    forgets: bool = True  # Graph forgets our place in its log now and then
    patience_s: float = 250.0
    state_of: Callable[[MailboxState, Life], MailboxState] = lambda state, life: life.mortal(state)
    ledger_of: Callable[[MemoryLedger, Life], Any] = lambda ledger, life: life.mortal(ledger)


@dataclass(slots=True, kw_only=True)
class Result:
    """What came of it. Message-IDs, except for `crashes`."""

    crashes: int = 0
    delivered: list[str] = field(default_factory=list[str])
    accepted: Counter[str] = field(default_factory=Counter[str])  # by submission key
    processed: list[str] = field(default_factory=list[str])
    dead: list[str] = field(default_factory=list[str])
    answered: Counter[str] = field(default_factory=Counter[str])

    def lost(self) -> list[str]:
        """Mails that nobody took."""
        taken = {key.split("|")[1] for key in self.accepted}
        return [message_id for message_id in self.delivered if message_id not in taken]

    def answered_twice(self) -> list[str]:
        """Mails that got more than one answer."""
        return [message_id for message_id, count in self.answered.items() if count > 1]


class Simulation:
    """One run of a plan."""

    def __init__(self, plan: Plan, graph: FakeGraph) -> None:
        self._plan = plan
        self._graph = graph
        self._random = Random(plan.seed)  # noqa: S311
        self._clock = FastClock()
        self._state = MemoryMailboxState()
        self._ledger = MemoryLedger()
        self._submissions: dict[str, MailOrigin] = {}
        self._being_answered: dict[str, float] = {}
        self._done: set[str] = set()
        self.result = Result()

    async def run(self) -> Result:
        """Deliver, wait until all is done or patience ends, and count."""
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._worker()) for _ in range(2)]
            await self._deliver()
            await self._until_done()
            for worker in workers:
                worker.cancel()
        for mail in self._graph.sent:
            self.result.answered[mail.in_reply_to] += 1
        self.result.processed = self._in_folder("Processed")
        self.result.dead = self._in_folder("DeadLetter")
        return self.result

    def _in_folder(self, name: str) -> list[str]:
        messages = self._graph.mailbox.folder(name)
        return [message.properties["internetMessageId"] for message in messages]

    async def _deliver(self) -> None:
        left = self._plan.mails
        while left:
            batch = min(left, self._random.randint(1, 20))
            for number in range(left - batch, left):
                message_id = f"<{self._plan.seed}.{number}@example.org>"
                message = self._graph.mailbox.deliver(
                    f"Message-ID: {message_id}\r\n\r\n".encode() + _PHOTO,
                    internetMessageId=message_id,
                    receivedDateTime="2026-11-24T12:00:00Z",
                )
                message.attachments.append(Attachment(name="a.jpg", content=_PHOTO))
                self.result.delivered.append(message_id)
            left -= batch
            self._spoil()
            await asyncio.sleep(0.05)

    def _spoil(self) -> None:
        """Lay out faults, let Graph forget its log, and let a person tidy up and think better."""
        forgetting = FaultKind.SYNC_STATE_GONE
        faults = [each for each in _FAULTS if self._plan.forgets or each.kind is not forgetting]
        for _ in range(3):
            chosen = self._random.choice(faults)
            self._graph.faults.append(
                Fault(
                    kind=chosen.kind,
                    match=chosen.match,
                    times=self._random.randint(1, 3),
                    retry_after_s=chosen.retry_after_s,
                    after_bytes=chosen.after_bytes,
                    seconds=chosen.seconds,
                )
            )
        if self._plan.forgets and self._random.random() < 0.3:
            self._graph.mailbox.epoch += 1
        waiting = self._graph.mailbox.folder("inbox")
        if waiting and self._random.random() < 0.5:
            moved = self._random.choice(waiting)
            self._graph.mailbox.move(moved, "deleteditems")
            self._graph.mailbox.move(moved, "inbox")

    async def _until_done(self) -> None:
        end = time.monotonic() + self._plan.patience_s
        while time.monotonic() < end:
            all_answered = len(self._done) >= self._plan.mails
            if all_answered and not self._graph.mailbox.folder("inbox"):
                return
            await asyncio.sleep(0.02)

    async def _worker(self) -> None:
        """A process, and the next one after each death."""
        while True:
            try:
                await self._live(Life(self._random, risk=self._plan.risk))
            except* Crash:
                self.result.crashes += 1

    async def _live(self, life: Life) -> None:
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(graph_client(self._graph.url))
            mail = GraphMail(life.mortal(client), ADDRESS)
            poller = MailboxPoller(
                GraphMailbox(
                    mail,
                    self._plan.state_of(self._state, life),
                    clock=self._clock,
                    sweep_s=self._plan.sweep_s,
                ),
                _Receive(self._submissions, self.result.accepted, life),
                publisher=_Publisher(),
                clock=self._clock,
                policy=_POLICY,
            )
            channel = self._channel(mail, life)
            async with asyncio.TaskGroup() as group:
                group.create_task(poller.run())
                group.create_task(self._answer_all(channel, life))

    def _channel(self, mail: GraphMail, life: Life) -> GraphReplyChannel:
        no_blobs: Any = None  # an answer without pictures asks for none
        return GraphReplyChannel(
            mail,
            no_blobs,
            self._plan.ledger_of(self._ledger, life),
            webhooks=WebhookSender(AddressGuard([]), Signer([new_secret()]), clock=self._clock),
            sender=Sender(newsroom="Newsroom", address=ADDRESS),
            desk_address="",
            clock=self._clock,
        )

    async def _answer_all(self, channel: GraphReplyChannel, life: Life) -> None:
        """What the engine does: each answer is tried until it is sent, now and then by two."""
        while True:
            for number, origin in list(self._submissions.items()):
                if number not in self._done and self._may_answer(number):
                    await self._answer(channel, number, origin, life)
            await asyncio.sleep(0.03)

    def _may_answer(self, number: str) -> bool:
        now = time.monotonic()
        if self._being_answered.get(number, 0.0) > now and self._random.random() > 0.02:
            return False
        self._being_answered[number] = now + 0.5
        return True

    async def _answer(
        self, channel: GraphReplyChannel, number: str, origin: MailOrigin, life: Life
    ) -> None:
        to = AnswerTo(
            channel=Channel.MAIL,
            target="ola@example.org",
            in_reply_to=origin.key.split("|")[1],
        )
        receipt = await channel.send(answer(answer_to=to, submission_id=number))
        life.touch()
        if receipt.state is ReplyState.SENT:
            self._done.add(number)
        self._being_answered.pop(number, None)


class _Receive:
    """Takes a mail that comes to its end; the same key again is the same submission."""

    def __init__(
        self, submissions: dict[str, MailOrigin], accepted: Counter[str], life: Life
    ) -> None:
        self._submissions = submissions
        self._accepted = accepted
        self._life = life

    async def __call__(self, chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> None:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            self._life.touch()
        if size < len(_PHOTO):
            raise AssertionError("a mail was cut and nobody told")
        if origin.submission_id not in self._submissions:
            self._submissions[origin.submission_id] = origin
            self._accepted[origin.key] += 1
        self._life.touch()


class _Publisher:
    async def publish(self, event: CloudEvent) -> None:
        del event


async def simulate(plan: Plan) -> Result:
    """Play a plan on a fake Graph of its own, which misses mails that leave and come back."""
    async with fake_graph(limits=_LIMITS, token=TOKEN) as graph:
        graph.mailbox.misses_returning = True
        return await Simulation(plan, graph).run()
