"""Who is at what: the work items that wait, and those that workers have been given."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    import durabletask.internal.orchestrator_service_pb2 as pb

    from tests.fakes.scheduler.instance import Instance

    type Item = Turn | Run


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """An instance, whose history was `past` with `length` events, hears `heard` events of its
    inbox, after one that says what time it is.
    """

    instance: Instance
    past: list[pb.HistoryEvent]
    length: int
    heard: int
    started: pb.HistoryEvent

    @property
    def is_wanted(self) -> bool:
        """Whether no other turn of the instance has ended since this one began."""
        return self.instance.history is self.past and len(self.past) == self.length


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """An activity that the event `scheduled` of an instance asked for."""

    instance: Instance
    scheduled: pb.HistoryEvent

    @property
    def is_wanted(self) -> bool:
        """Whether the instance still waits for this very run: an ID may be used again."""
        return self.instance.runs.get(self.scheduled.eventId) is self.scheduled


@dataclass(slots=True, kw_only=True, eq=False)
class Worker:
    """A stream of work items, and how much it takes at once. `awake` is set when there is news."""

    most_turns: int
    most_runs: int
    held: dict[str, Item] = field(default_factory=dict[str, "Item"])  # by completion token
    awake: asyncio.Event = field(default_factory=asyncio.Event)

    def holds(self, kind: type[Item]) -> int:
        """How many of a kind it is at."""
        return sum(isinstance(item, kind) for item in self.held.values())


class Work:
    """The bookkeeping of one hub; nothing of it outlives the process."""

    def __init__(self) -> None:
        self._workers: set[Worker] = set()
        self._turns: dict[str, Instance] = {}
        self._runs: deque[Run] = deque()
        self._at_turn: set[str] = set()
        self._late: dict[str, Item] = {}  # given to workers whose stream has ended

    def want_turn(self, instance: Instance) -> None:
        """Let an instance hear what is new, when it has heard what it is at."""
        if instance.inbox and not instance.has_ended and instance.id not in self._at_turn:
            self._turns[instance.id] = instance
            self._wake()

    def want_run(self, run: Run) -> None:
        """Let an activity run."""
        self._runs.append(run)
        self._wake()

    def next_turn(self, worker: Worker) -> Instance | None:
        """An instance whose turn a worker may have, if it may have another one."""
        while self._turns and worker.holds(Turn) < worker.most_turns:
            instance = self._turns.pop(next(iter(self._turns)))
            if instance.inbox and not instance.has_ended:  # a late turn may have taken it all
                self._at_turn.add(instance.id)
                return instance
        return None

    def next_run(self, worker: Worker) -> Run | None:
        """An activity that a worker may have, if it may have another one."""
        while self._runs and worker.holds(Run) < worker.most_runs:
            run = self._runs.popleft()
            if run.is_wanted:
                return run
        return None

    def hand(self, item: Item, worker: Worker) -> str:
        """Let a worker have an item; its completion token."""
        token = secrets.token_hex(8)  # never used again, also not after a restart
        worker.held[token] = item
        return token

    def finish(self, token: str) -> Item | None:
        """Take an item back whose result is there; None when nobody waits for it any more."""
        item = self._late.pop(token, None) or self._taken(token)
        if item is None or item.is_wanted:
            return item
        if isinstance(item, Turn):
            self.want_turn(item.instance)
        return None

    def give_up(self, token: str) -> None:
        """Let another worker have an item."""
        item = self._taken(token)
        if isinstance(item, Turn):
            self.want_turn(item.instance)
        elif item:
            self.want_run(item)

    @contextmanager
    def stream(self, worker: Worker) -> Generator[None]:
        """A worker is there for as long as the block lasts. Then others get what it held; the first
        result counts.
        """
        self._workers.add(worker)
        try:
            yield
        finally:
            self._late = {token: item for token, item in self._late.items() if item.is_wanted}
            self._late |= worker.held
            for token in tuple(worker.held):
                self.give_up(token)
            self._workers.discard(worker)

    def _taken(self, token: str) -> Item | None:
        for worker in self._workers:
            item = worker.held.pop(token, None)
            if item:
                worker.awake.set()
                if isinstance(item, Turn):
                    self._at_turn.discard(item.instance.id)
                return item
        return None

    def _wake(self) -> None:
        for worker in self._workers:
            worker.awake.set()
