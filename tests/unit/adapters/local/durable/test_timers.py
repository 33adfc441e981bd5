"""The heap of durable timers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from adapters.local.durable.timers import Timer, TimerQueue

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _timer(minutes: int, instance_id: str = "a") -> Timer:
    return Timer(_NOON + timedelta(minutes=minutes), instance_id, minutes)


def test_due_timers_come_out_earliest_first_and_once() -> None:
    timers = TimerQueue()
    for minutes in (5, 1, 3, 9):
        timers.arm(_timer(minutes))
    assert timers.next_at == _NOON + timedelta(minutes=1)
    assert [timer.timer_id for timer in timers.due(_NOON + timedelta(minutes=5))] == [1, 3, 5]
    assert [timer.timer_id for timer in timers.due(_NOON + timedelta(minutes=8))] == []
    assert len(timers) == 1


def test_timers_of_the_same_moment_come_out_in_the_order_in_which_they_were_armed() -> None:
    timers = TimerQueue()
    for instance_id in "cab":
        timers.arm(_timer(1, instance_id))
    due = timers.due(_NOON + timedelta(minutes=1))
    assert [timer.instance_id for timer in due] == ["c", "a", "b"]


def test_the_timers_of_ended_instances_do_not_pile_up() -> None:
    timers = TimerQueue()
    for number in range(50_000):
        timers.arm(_timer(36, str(number)))
        timers.sweep(lambda name, latest=number: int(name) > latest - 10)
    assert len(timers) <= 1000


def test_a_sweep_leaves_the_timers_of_live_instances() -> None:
    timers = TimerQueue()
    for number in range(3000):
        timers.arm(_timer(number, str(number)))
    timers.sweep(lambda name: int(name) % 2 == 0)
    due = timers.due(_NOON + timedelta(days=9))
    assert [timer.timer_id for timer in due] == list(range(0, 3000, 2))
