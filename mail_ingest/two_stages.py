"""Two threads on one stream: one makes batches, the other takes them, a few batches behind."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

BATCHES_AHEAD = 6  # made and not yet taken, so that neither thread waits for the other


def in_two_stages[B, T](batches: Iterable[B], take: Callable[[B], list[T]]) -> Generator[T]:
    """Make batches in this thread while another one takes them; gives what `take` gives, in order.

    An error of `take` is raised here. After one, or when the caller stops, nothing more is taken.
    """
    second = _SecondStage(take)
    second.thread.start()
    try:
        for batch in batches:
            second.give(batch)
            if second.waiting > BATCHES_AHEAD:
                yield from second.result()
        while second.waiting:
            yield from second.result()
    finally:
        second.stop()


class _SecondStage[B, T]:
    """The thread that takes. Two plain queues, which cost a third of what futures do."""

    def __init__(self, take: Callable[[B], list[T]]) -> None:
        self.thread = Thread(target=self._run, name="second-stage", daemon=True)
        self.waiting = 0  # batches that were given, and whose result was not
        self._take = take
        self._stopped = False
        self._batches: SimpleQueue[tuple[B] | None] = SimpleQueue()
        self._results: SimpleQueue[list[T] | BaseException] = SimpleQueue()

    def give(self, batch: B) -> None:
        """Hand a batch over."""
        self._batches.put((batch,))
        self.waiting += 1

    def result(self) -> list[T]:
        """What the next batch gave; raises what taking it raised."""
        result = self._results.get()
        if isinstance(result, BaseException):
            raise result
        self.waiting -= 1
        return result

    def stop(self) -> None:
        """Let the thread end, and wait until it has."""
        self._stopped = True
        self._batches.put(None)
        self.thread.join()

    def _run(self) -> None:
        try:
            while (batch := self._batches.get()) is not None and not self._stopped:
                self._results.put(self._take(*batch))
        except BaseException as exc:  # noqa: BLE001  # raised where the results are waited for
            self._results.put(exc)
