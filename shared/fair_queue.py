"""Who is described next: the sender who has had the least of the describers' time.

Self-clocked fair queueing (Golestani 1994) by sender, over seconds of describers. Each sender has
used some time, and the job runs next whose sender would have used the least after it. Who comes, or
comes back, begins where the job that was begun last will end, and has saved up nothing. So twenty
videos of one sender delay a photo of another by no more than the one that runs, a long video goes
before short jobs that come long after it, and a sender of ten thousand files gets on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.ids import split_media_instance_id
from shared.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Set

    from shared.ports import DescriptionJob

# What a job is taken to cost until it has ended: seconds of a describer on one core.
_PHOTO_S, _VIDEO_S = 0.3, 5.0
_BYTES_PER_S = 50_000_000
# Of one sender's own jobs, a small one may overtake those that came so many jobs before it for each
# second that they cost more.
OVERTAKEN_PER_S = 4.0
# What nobody waits for any longer counts as the jobs of one sender, of a small weight.
LATE, LATE_WEIGHT = "late", 0.01


def sender_of(job: DescriptionJob) -> str:
    """Whose share of the describers a job takes; of an older release's job its submission."""
    return job.fairness_key or split_media_instance_id(job.job_id)[0]


def estimated_s(job: DescriptionJob) -> float:
    """How many seconds a job is taken to cost."""
    return (_PHOTO_S if job.kind is Kind.PHOTO else _VIDEO_S) + job.size / _BYTES_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A job that waits. `place` is its own among its sender's, the lowest first. Of a weight of 2,
    a second counts half. One that `goes_first` had its turn, and lost it by no fault of its own.
    """

    job_id: str
    sender: str
    cost_s: float
    place: float
    weight: float = 1.0
    may_run: bool = True
    goes_first: bool = False


class FairQueue:
    """Chooses among what waits. It keeps a number for each sender who waits, and no job."""

    def __init__(self) -> None:
        self._used: dict[str, float] = {}
        self._senders: Set[str] = frozenset()  # who waited at the last choice
        self._last = ""  # the sender whose job was begun last
        self._virtual = 0.0  # what a sender would have used who was always served

    @property
    def senders(self) -> int:
        """Of how many senders a number is kept."""
        return len(self._used)

    def choose(self, waiting: Iterable[Waiting]) -> Waiting | None:
        """The job to run next of all that wait; None when none may run."""
        jobs = tuple(waiting)
        self._admit({job.sender for job in jobs})
        heads: dict[str, Waiting] = {}
        for job in jobs:
            head = heads.get(job.sender)
            if job.may_run and (head is None or _rank(job) < _rank(head)):
                heads[job.sender] = job
        return min(heads.values(), key=self._after, default=None)

    def begin(self, job: Waiting) -> None:
        """The job runs: its sender is charged with what it is taken to cost."""
        used = self._used.get(job.sender, self._virtual)
        self._used[job.sender] = used + job.cost_s / job.weight
        self._last = job.sender
        # Without the weight: what nobody waits for is not to put back those who come after it.
        self._virtual = max(self._virtual, used + job.cost_s)

    def end(self, job: Waiting, took_s: float) -> None:
        """It has run for longer than it was taken to: its sender is charged with that too."""
        extra_s = max(0.0, took_s - job.cost_s)
        if extra_s:
            used = self._used.get(job.sender, self._virtual)
            self._used[job.sender] = used + extra_s / job.weight

    def refund(self, job: Waiting) -> None:
        """It has ended by no fault of its own, and nothing came of it."""
        if job.sender in self._used:
            self._used[job.sender] -= job.cost_s / job.weight

    def _after(self, job: Waiting) -> tuple[bool, float, bool, float]:
        """What the job's sender would have used after it."""
        used = self._used[job.sender] + job.cost_s / job.weight
        return not job.goes_first, used, job.sender == self._last, job.place

    def _admit(self, senders: Set[str]) -> None:
        for sender in senders - self._senders:
            self._used[sender] = max(self._used.get(sender, 0.0), self._virtual)
        self._senders = senders
        for sender in self._used.keys() - senders:
            if self._used[sender] <= self._virtual:
                del self._used[sender]


def _rank(job: Waiting) -> tuple[bool, float]:
    return not job.goes_first, job.place
