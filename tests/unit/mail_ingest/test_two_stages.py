"""Two threads give what one would, stop together, and run no further ahead than they may."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from mail_ingest.two_stages import BATCHES_AHEAD, in_two_stages

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_results_come_in_order() -> None:
    assert list(in_two_stages(range(100), lambda n: [n] * (n % 3))) == [
        n for n in range(100) for _ in range(n % 3)
    ]


def test_no_batches_give_nothing() -> None:
    assert list(in_two_stages(list[int](), lambda n: [n])) == []


def test_only_a_few_batches_are_made_ahead() -> None:
    made = 0

    def batches() -> Iterator[int]:
        nonlocal made
        while made < 50:
            made += 1
            yield made

    results = in_two_stages(batches(), lambda n: [n])
    assert next(results) == 1
    assert made <= BATCHES_AHEAD + 1
    assert sum(1 for _ in results) == 49


def test_an_error_of_the_second_stage_is_raised_and_ends_it() -> None:
    taken: list[int] = []

    def take(number: int) -> list[int]:
        taken.append(number)
        if number == 3:
            raise OSError(28, "No space left on device")
        return [number]

    with pytest.raises(OSError, match="No space"):
        list(in_two_stages(range(50), take))
    assert taken == [0, 1, 2, 3]
    assert no_thread_is_left()


def test_an_error_of_the_first_stage_ends_the_second() -> None:
    def batches() -> Iterator[int]:
        yield 1
        raise ValueError("the source broke")

    with pytest.raises(ValueError, match="broke"):
        list(in_two_stages(batches(), lambda n: [n]))
    assert no_thread_is_left()


def test_who_stops_listening_ends_both() -> None:
    results = in_two_stages(range(1000), lambda n: [n])
    next(results)
    results.close()
    assert no_thread_is_left()


def no_thread_is_left() -> bool:
    return all(thread.name != "second-stage" for thread in threading.enumerate())
