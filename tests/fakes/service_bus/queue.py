"""A queue: what is put into it, who gets it, and what becomes of it.

A message counts a failed delivery when it is abandoned or its lock ends; with too many it becomes
a dead letter. Sessions are in sessions.py.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from tests.fakes.service_bus import errors
from tests.fakes.service_bus.alarm import now_ms
from tests.fakes.service_bus.messages import Message, State, parse
from tests.fakes.service_bus.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.fakes.service_bus.alarm import Alarm
    from tests.fakes.service_bus.consumer import Consumer
    from tests.fakes.service_bus.store import Store

_TOO_OFTEN = "Message could not be consumed after {} delivery attempts."
_NEVER = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRules:
    """How a queue works. No duplicates are detected when `duplicates_known_for_s` is 0."""

    lock_s: float = 60.0
    max_delivery_count: int = 10
    duplicates_known_for_s: float = 0.0
    sessions: bool = False


class Queue:
    """A queue, a subscription, or the dead letters of one."""

    def __init__(
        self, name: str, rules: QueueRules, store: Store, alarm: Alarm, *, is_dead: bool = False
    ) -> None:
        self.name = name
        self.rules = rules
        self.sessions = Sessions(self, store, alarm)
        self._store = store
        self._alarm = alarm
        self._messages: dict[int, Message] = {}
        self._locked: dict[UUID, Message] = {}
        self._ready: dict[str | None, list[int]] = {}  # by session: heaps of sequence numbers
        self._consumers: deque[Consumer] = deque()
        dead_rules = replace(rules, max_delivery_count=_NEVER, sessions=False)
        self.dead_letters = (
            None
            if is_dead
            else Queue(f"{name}/$deadletterqueue", dead_rules, store, alarm, is_dead=True)
        )
        for message in store.load(name):
            self._keep(message)
            if message.failed_deliveries >= rules.max_delivery_count:
                self._put_aside_too_often(message)

    def put(self, raws: Sequence[bytes]) -> list[int]:
        """Enqueue messages, all or none; their sequence numbers, 0 for one that was known."""
        if self.rules.sessions and not all(parse(raw).properties.get("group_id") for raw in raws):
            raise errors.RefusedError("amqp:not-allowed", "This queue requires a session ID.")
        with self._store.atomic():
            messages = [self._add(raw) for raw in raws]
        for message in messages:
            if message is not None:
                self._keep(message)
        self.pump()
        return [0 if message is None else message.sequence for message in messages]

    def attach(self, consumer: Consumer) -> None:
        """Let a consumer take messages."""
        self._consumers.append(consumer)
        self.pump()

    def detach(self, consumer: Consumer) -> None:
        """A consumer has gone. What it has locked stays locked until the lock ends."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    def pump(self) -> None:
        """Deliver what can be delivered."""
        self.sessions.grant()
        while (match := self._match()) is not None:
            self._hand_over(*match)

    def complete(self, token: UUID) -> None:
        """A message is done."""
        self._remove(self._unlocked(token))

    def abandon(self, token: UUID) -> None:
        """A message is given back."""
        self._fail(self._unlocked(token))
        self.pump()

    def release(self, token: UUID) -> None:
        """A message is given back, and the delivery does not count."""
        self._activate(self._unlocked(token))
        self.pump()

    def defer(self, token: UUID) -> None:
        """A message is kept, to be asked for by its sequence number."""
        message = self._unlocked(token)
        message.state, message.is_deferred = State.DEFERRED, True
        self._store.save(self.name, message)

    def put_aside(self, token: UUID, reason: str, description: str) -> None:
        """A message becomes a dead letter."""
        self._put_aside(self._unlocked(token), reason, description)

    def modify(self, token: UUID, properties: Mapping[object, object]) -> None:
        """Change application properties of a message that is being settled; not kept on disk."""
        self._held(token).sections.application.update(properties)

    def renew(self, token: UUID) -> int:
        """Renew a lock; when it will end."""
        message = self._held(token)
        self._extend(message)
        return message.locked_until_ms

    def take_deferred(self, sequence: int) -> Message:
        """Lock a deferred message."""
        message = self._messages.get(sequence)
        if message is None or message.state is not State.DEFERRED:
            raise errors.message_not_found()
        self._lock(message)
        return message

    def cancel(self, sequence: int) -> None:
        """Drop a scheduled message."""
        message = self._messages.get(sequence)
        if message is None or message.state is not State.SCHEDULED:
            raise errors.message_not_found()
        self._remove(message)

    def peek(self, first: int, count: int, session_id: str | None) -> list[Message]:
        """Messages of any state from a sequence number on, without a lock."""
        return [
            message
            for sequence, message in sorted(self._messages.items())
            if sequence >= first and session_id in {None, message.session_id}
        ][:count]

    def waiting_sessions(self) -> list[str]:
        """The sessions that have a message to deliver."""
        return [each for each in self._ready if each is not None and self._first(each)]

    def fail_session(self, session_id: str) -> None:
        """Give back what was locked under a session's lock."""
        for token, message in list(self._locked.items()):
            if message.session_id == session_id:
                del self._locked[token]
                self._fail(message)

    def adopt(self, message: Message) -> None:
        """Take a message over as it is."""
        self._store.save(self.name, message)
        self._keep(message)
        self.pump()

    def clear(self) -> None:
        """Forget every message, dead letters and known IDs too: a new queue for the next test."""
        for queue in filter(None, (self, self.dead_letters)):
            queue._messages.clear()
            queue._locked.clear()
            self._store.clear(queue.name)

    def _add(self, raw: bytes) -> Message | None:
        now, known_ms = now_ms(), int(self.rules.duplicates_known_for_s * 1000)
        message_id = parse(raw).properties.get("message_id")
        if (
            known_ms
            and message_id is not None
            and self._store.is_known(self.name, message_id, now, now + known_ms)
        ):
            return None
        return self._store.add(self.name, raw, now)

    def _keep(self, message: Message) -> None:
        message.is_deferred = message.state is State.DEFERRED
        self._messages[message.sequence] = message
        if message.state is State.ACTIVE:
            self._push(message)
        elif message.state is State.SCHEDULED:
            self._alarm.at(message.due_ms, partial(self._fall_due, message))
        if message.expires_ms is not None:
            self._alarm.at(message.expires_ms, partial(self._fall_due, message))

    def _push(self, message: Message) -> None:
        heapq.heappush(self._ready.setdefault(self._group(message), []), message.sequence)

    def _group(self, message: Message) -> str | None:
        return message.session_id if self.rules.sessions else None

    def _first(self, group: str | None) -> Message | None:
        """The first message that can be delivered; what cannot any more is dropped on the way."""
        heap = self._ready.get(group, [])
        while heap:
            message = self._messages.get(heap[0])
            if message is not None and message.state is State.ACTIVE:
                return message
            heapq.heappop(heap)
        return None

    def _match(self) -> tuple[Consumer, Message] | None:
        for consumer in self._consumers:
            if consumer.credit > 0 and (message := self._first(consumer.session_id)):
                return consumer, message
        return None

    def _hand_over(self, consumer: Consumer, message: Message) -> None:
        self._consumers.remove(consumer)
        self._consumers.append(consumer)  # the next message goes to another
        if consumer.deletes:
            consumer.deliver(message)
            self._remove(message)
        else:
            self._lock(message)
            consumer.deliver(message)

    def _lock(self, message: Message) -> None:
        message.state, message.lock_token = State.LOCKED, uuid4()
        self._locked[message.lock_token] = message
        self._store.save(self.name, message)
        self._extend(message)

    def _extend(self, message: Message) -> None:
        message.locked_until_ms = now_ms() + int(self.rules.lock_s * 1000)
        self._alarm.at(message.locked_until_ms, partial(self._fall_due, message))

    def _held(self, token: UUID) -> Message:
        message = self._locked.get(token)
        if message is None:
            raise errors.lock_lost()
        return message

    def _unlocked(self, token: UUID) -> Message:
        message = self._held(token)
        del self._locked[token]
        message.lock_token, message.locked_until_ms = None, 0
        return message

    def _activate(self, message: Message) -> None:
        message.state = State.DEFERRED if message.is_deferred else State.ACTIVE
        self._store.save(self.name, message)
        if not message.is_deferred:
            self._push(message)

    def _fail(self, message: Message) -> None:
        message.failed_deliveries += 1
        message.lock_token, message.locked_until_ms = None, 0
        self._activate(message)
        if message.failed_deliveries >= self.rules.max_delivery_count:
            self._put_aside_too_often(message)

    def _put_aside_too_often(self, message: Message) -> None:
        sentence = _TOO_OFTEN.format(message.failed_deliveries)
        self._put_aside(message, "MaxDeliveryCountExceeded", sentence)

    def _put_aside(self, message: Message, reason: str, description: str) -> None:
        if self.dead_letters is None:
            self._activate(message)
            return
        del self._messages[message.sequence]
        message.state = State.ACTIVE
        message.dead_letter = {
            "DeadLetterReason": reason,
            "DeadLetterErrorDescription": description,
        }
        self.dead_letters.adopt(message)

    def _remove(self, message: Message) -> None:
        del self._messages[message.sequence]
        self._store.remove(message)

    def _fall_due(self, message: Message) -> None:
        now = now_ms()
        if self._messages.get(message.sequence) is not message:
            return
        if message.state is State.LOCKED and not self.rules.sessions:
            if message.lock_token is not None and message.locked_until_ms <= now:
                self._fail(self._unlocked(message.lock_token))
        elif message.state is State.SCHEDULED and message.due_ms <= now:
            message.enqueued_ms = now
            self._activate(message)
        elif message.state is State.ACTIVE and (message.expires_ms or now + 1) <= now:
            self._put_aside(message, "TTLExpiredException", "The message expired.")
        self.pump()
