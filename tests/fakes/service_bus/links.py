"""The broker's end of a link, by what the client does on it: send, receive, or ask (management)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tests.fakes.service_bus import errors
from tests.fakes.service_bus.amqp_types import Described, Long, Symbol, Uint, Ulong
from tests.fakes.service_bus.composites import Attach, Detach, Flow, Source, Target, narrow
from tests.fakes.service_bus.messages import BATCH_FORMAT, Message, batched, plain_tag

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from tests.fakes.service_bus.errors import RefusedError
    from tests.fakes.service_bus.queue import Queue
    from tests.fakes.service_bus.session import Session

MAX_MESSAGE = 256 << 10  # of the Standard tier; Premium takes up to 100 MB
_CREDIT = 1000
_SETTLED = 1  # snd-settle-mode of receive-and-delete
_SESSION_FILTER = Symbol("com.microsoft:session-filter")
_LOCKED_UNTIL = Symbol("com.microsoft:locked-until-utc")
_TIMEOUT = Symbol("com.microsoft:timeout")
_TICKS_BEFORE_1970 = 621_355_968_000_000_000  # .NET counts 100 ns from the year 1


class Entity(Protocol):
    """What can be sent to: a queue or a topic."""

    def put(self, raws: Sequence[bytes]) -> list[int]:
        """Enqueue messages."""
        ...


@dataclass(slots=True, eq=False)
class Link:
    """What every link has: the client's attach, and how it is answered."""

    session: Session
    asked: Attach

    @property
    def handle(self) -> Uint:
        """We use the client's handles for our own end."""
        return Uint(self.asked.handle)

    @property
    def client_receives(self) -> bool:
        """The client's role."""
        return self.asked.role

    def attach(
        self,
        *,
        filters: dict[object, object] | None = None,
        properties: dict[object, object] | None = None,
    ) -> None:
        """Answer the client's attach."""
        source, target = self.asked.source or Source(), self.asked.target or Target()
        answer = self._answer()
        answer.source = Source(address=source.address, filter=filters)
        answer.target = Target(address=target.address)
        answer.max_message_size = Ulong(MAX_MESSAGE)
        answer.properties = properties
        self.session.send(answer)

    def refuse(self, refusal: RefusedError) -> None:
        """As the service does: an attach without source and target, then a detach that says why."""
        self.session.send(self._answer())
        self.close(refusal)

    def close(self, reason: RefusedError | None = None) -> None:
        """End the link."""
        error = reason.as_error() if reason else None
        self.session.send(Detach(handle=self.handle, closed=True, error=error))
        self.session.forget(self)

    def on_flow(self, flow: Flow) -> None:
        """The client says how much it takes."""

    def on_detach(self) -> None:
        """The link has ended."""

    def _answer(self) -> Attach:
        return Attach(
            name=self.asked.name,
            handle=self.handle,
            role=not self.client_receives,
            snd_settle_mode=self.asked.snd_settle_mode,
            rcv_settle_mode=self.asked.rcv_settle_mode,
            initial_delivery_count=Uint(0) if self.client_receives else None,
        )


@dataclass(slots=True, eq=False)
class IncomingLink(Link):
    """The client sends."""

    entity: Entity
    _received: int = 0

    def open(self) -> None:
        """Answer, and let the client send."""
        self.attach()
        self._grant()

    def on_message(self, raw: bytes, message_format: int) -> None:
        """Take what was sent. Raises RefusedError."""
        self._received += 1
        if self._received % (_CREDIT // 2) == 0:
            self._grant()
        if len(raw) > MAX_MESSAGE:
            raise errors.RefusedError(
                "amqp:link:message-size-exceeded", f"A message has at most {MAX_MESSAGE} bytes."
            )
        with self.session.faults.at_work():
            self.entity.put(batched(raw) if message_format == BATCH_FORMAT else [raw])

    def _grant(self) -> None:
        self.session.send_flow(self.handle, Uint(self._received), Uint(_CREDIT))


@dataclass(slots=True, eq=False)
class OutgoingLink(Link):
    """The client receives."""

    queue: Queue | None  # None: the answers of a management node
    credit: int = 0
    session_id: str | None = None
    _delivered: int = 0
    _timer: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def deletes(self) -> bool:
        """Whether a message is gone when it is delivered."""
        return self.asked.snd_settle_mode == _SETTLED

    def open(self) -> None:
        """Answer, at once or when a session is free. Raises RefusedError."""
        if self.queue is None:
            self.attach()
        elif self.queue.rules.sessions:
            self._open_session(self.queue)
        else:
            self.attach()
            self.queue.attach(self)

    def deliver(self, message: Message) -> None:
        """Send a message, unsettled while it is under lock."""
        token = message.lock_token
        tag = token.bytes_le if token else plain_tag(self._delivered)
        self._send(message.encoded(), tag, token)

    def answer(self, raw: bytes) -> None:
        """Send the answer of a management node."""
        self._send(raw, plain_tag(self._delivered), None)

    def on_flow(self, flow: Flow) -> None:
        """Take note of the credit, and give it back when the client drains the link."""
        self.credit = max(0, (flow.delivery_count or 0) + (flow.link_credit or 0) - self._delivered)
        if self.queue is not None:
            self.queue.pump()
        if flow.drain:
            self._delivered += self.credit
            self.credit = 0
            count = Uint(self._delivered)
            self.session.send_flow(self.handle, count, Uint(0), drain=True)

    def on_detach(self) -> None:
        """Give the session back. What is under lock stays so until the lock ends."""
        if self._timer is not None:
            self._timer.cancel()
        if self.queue is not None:
            self.queue.detach(self)
            self.queue.sessions.leave(self)
            self.queue.pump()

    def lose_session(self) -> None:
        """The session's lock has ended."""
        self.close(errors.session_lock_lost())

    def _send(self, raw: bytes, tag: bytes, token: UUID | None) -> None:
        self.credit -= 1
        self._delivered += 1
        self.session.deliver(self, raw, tag, token)

    def _open_session(self, queue: Queue) -> None:
        filters = (self.asked.source or Source()).filter or {}
        if _SESSION_FILTER not in filters:
            raise errors.RefusedError(
                "amqp:not-allowed",
                "An entity that requires sessions has no receiver without a session.",
            )
        wanted = filters[_SESSION_FILTER]
        wanted = wanted.value if isinstance(wanted, Described) else wanted
        if wanted is None:
            queue.sessions.take_next(self, self._granted)
            self._timer = asyncio.get_running_loop().call_later(self._patience_s(), self._give_up)
        else:
            self._granted(str(wanted), queue.sessions.take(str(wanted), self))

    def _granted(self, session_id: str, until_ms: int) -> None:
        ticks = Long(until_ms * 10_000 + _TICKS_BEFORE_1970)
        self.attach(filters={_SESSION_FILTER: session_id}, properties={_LOCKED_UNTIL: ticks})
        if self.queue is not None:
            self.queue.attach(self)

    def _give_up(self) -> None:
        if self.queue is not None and self.queue.sessions.stop_waiting(self):
            sentence = "No session with messages was available in time."
            self.refuse(errors.RefusedError("com.microsoft:timeout", sentence, 408))

    def _patience_s(self) -> float:
        return int((self.asked.properties or {}).get(_TIMEOUT) or 60_000) / 1000


def flow_of(
    window: tuple[int, int], handle: Uint, count: Uint, credit: Uint, *, drain: bool = False
) -> Flow:
    """A link's credit. `window` is the session's next incoming and next outgoing ID."""
    incoming, outgoing = window
    return Flow(
        next_incoming_id=narrow(incoming),
        incoming_window=Uint(0x7FFFFFFF),
        next_outgoing_id=Uint(outgoing),
        outgoing_window=Uint(0x7FFFFFFF),
        handle=handle,
        delivery_count=count,
        link_credit=credit,
        drain=drain,
    )
