"""The fair queue under a clock of the test: describers that take the time that a job is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import pytest

from shared.fair_queue import FairQueue, Waiting, estimated_s, sender_of
from shared.ids import fairness_key
from shared.model import Kind
from shared.ports import DescriptionJob

PHOTO_S, VIDEO_S = 0.3, 5.0


@dataclass(slots=True)
class Describers:
    """Serve a queue; `begun` says when each job began."""

    places: int
    queue: FairQueue = field(default_factory=FairQueue)
    now: float = 0.0
    waiting: dict[str, Waiting] = field(default_factory=dict[str, Waiting])
    running: list[tuple[float, float, Waiting]] = field(
        default_factory=list[tuple[float, float, Waiting]]
    )
    begun: dict[str, float] = field(default_factory=dict[str, float])
    took: dict[str, float] = field(default_factory=dict[str, float])
    numbers: count[int] = field(default_factory=count)

    def add(self, sender: str, cost_s: float, took_s: float | None = None) -> str:
        number = next(self.numbers)
        job_id = f"{sender}:{number}"
        self.waiting[job_id] = Waiting(
            job_id=job_id, sender=sender, cost_s=cost_s, place=float(number)
        )
        self.took[job_id] = cost_s if took_s is None else took_s
        self.fill()
        return job_id

    def fill(self) -> None:
        while len(self.running) < self.places:
            job = self.queue.choose(self.waiting.values())
            if job is None:
                return
            self.queue.begin(self.waiting.pop(job.job_id))
            self.begun[job.job_id] = self.now
            self.running.append((self.now + self.took[job.job_id], self.now, job))

    def until(self, time: float) -> None:
        """Let the time pass, and begin what follows on what ends meanwhile."""
        while self.running and min(self.running, key=lambda one: one[0])[0] <= time:
            ending = min(self.running, key=lambda one: one[0])
            self.running.remove(ending)
            self.now, begun, job = ending
            self.queue.end(job, self.now - begun)
            self.fill()
        self.now = time

    def until_begun(self, job_id: str) -> float:
        while job_id not in self.begun:
            self.until(min(ends for ends, _, _ in self.running))
        return self.begun[job_id]


@pytest.mark.parametrize("places", [1, 2])
@pytest.mark.parametrize("took_s", [0.1, 5.0, 600.0])  # what a video is taken to cost, and not
@pytest.mark.parametrize("arrives", [step / 4 for step in range(41)])  # of videos
def test_twenty_videos_delay_a_photo_of_another_by_less_than_two_of_them(
    places: int, took_s: float, arrives: float
) -> None:
    describers = Describers(places)
    for _ in range(20):
        describers.add("a", VIDEO_S, took_s)
    describers.until(arrives * took_s)

    photo = describers.add("b", PHOTO_S)

    assert describers.until_begun(photo) - arrives * took_s < 2 * took_s


@pytest.mark.parametrize("places", [1, 2])
@pytest.mark.parametrize("cost_s", [PHOTO_S, VIDEO_S])
@pytest.mark.parametrize("arrives", [0.0, 0.5, 3.0, 3.5])
def test_jobs_of_one_size_wait_for_less_than_two_of_another_sender(
    places: int, cost_s: float, arrives: float
) -> None:
    describers = Describers(places)
    for _ in range(20):
        describers.add("a", cost_s)
    describers.until(arrives * cost_s)

    job = describers.add("b", cost_s)

    assert describers.until_begun(job) - arrives * cost_s < 2 * cost_s


def test_a_sender_of_ten_thousand_photos_gets_on_beside_others() -> None:
    describers = Describers(2)
    for number in range(10_000):  # added at once: none begins before all are there
        job = Waiting(job_id=f"a:{number}", sender="a", cost_s=PHOTO_S, place=float(number))
        describers.waiting[job.job_id], describers.took[job.job_id] = job, PHOTO_S
    describers.fill()
    for step in range(1, 101):  # three others, who each always have a photo waiting
        for sender in "bcd":
            if not any(job.sender == sender for job in describers.waiting.values()):
                describers.add(sender, PHOTO_S)
        describers.until(step * PHOTO_S)

    served = [sum(job.startswith(sender) for job in describers.begun) for sender in "abcd"]
    assert min(served) >= 0.8 * max(served)


@pytest.mark.parametrize("places", [1, 2])
def test_a_video_is_not_starved_by_photos_of_ever_other_senders(places: int) -> None:
    describers = Describers(places)
    describers.add("first", PHOTO_S)
    describers.add("second", PHOTO_S)
    video = describers.add("v", VIDEO_S)
    for step in range(200):  # as many as can be described, and one of them always waits
        for place in range(places):
            describers.add(f"p{step}-{place}", PHOTO_S)
        describers.until((step + 1) * PHOTO_S)

    assert describers.begun[video] < 3 * VIDEO_S


def test_a_sender_whose_jobs_take_longer_than_they_seem_pays_for_that() -> None:
    describers = Describers(1)
    for _ in range(50):
        describers.add("a", PHOTO_S, 60.0)
        describers.add("b", PHOTO_S)
    describers.until(100.0)

    served = [sum(job.startswith(sender) for job in describers.begun) for sender in "ab"]
    assert served == [2, 50] or served == [1, 50]


def test_who_was_away_has_saved_up_nothing() -> None:
    describers = Describers(1)
    describers.add("a", PHOTO_S)
    for _ in range(100):
        describers.add("b", PHOTO_S)
    describers.until(50 * PHOTO_S)

    back = [describers.add("a", PHOTO_S) for _ in range(20)]
    describers.until(60 * PHOTO_S)

    assert 4 <= sum(job in describers.begun for job in back) <= 6


def test_what_may_not_run_keeps_its_place_among_the_senders() -> None:
    queue = FairQueue()
    for number in range(3):
        job = Waiting(job_id=f"a:{number}", sender="a", cost_s=VIDEO_S, place=float(number))
        held_up = Waiting(job_id="b", sender="b", cost_s=VIDEO_S, place=9.0, may_run=False)
        assert queue.choose([job, held_up]) is job
        queue.begin(job)

    again = Waiting(job_id="a:3", sender="a", cost_s=VIDEO_S, place=3.0)
    may_run = Waiting(job_id="b", sender="b", cost_s=VIDEO_S, place=9.0)
    assert queue.choose([again, may_run]) is may_run


def test_no_number_is_kept_of_senders_who_are_gone() -> None:
    describers = Describers(1)
    for number in range(1000):
        describers.add(f"s{number}", PHOTO_S)
    describers.until(1000.0)
    for _ in range(3):
        describers.add("last", PHOTO_S)
        describers.until(describers.now + 1)

    assert describers.queue.senders <= 1


def test_a_job_of_an_older_release_counts_for_its_submission() -> None:
    job = DescriptionJob(
        job_id="mail-a:2",
        kind=Kind.PHOTO,
        blob="b",
        file_name="a.jpg",
        media_type="image/jpeg",
        size=50_000_000,
        sha256="s",
    )
    assert sender_of(job) == "mail-a"
    assert estimated_s(job) == 1.3


def test_a_sender_is_the_client_or_else_the_address_and_stored_as_a_hash() -> None:
    key = fairness_key("", "Ann@Example.org ")
    assert key == fairness_key("", "ann@example.org")
    assert fairness_key("app", "ann@example.org") == fairness_key("app", "bob@example.org") != key
    assert "ann" not in key
    assert not fairness_key("", " ")
