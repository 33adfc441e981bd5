from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from shared.errors import ServiceUnavailableError
from shared.renewal import Renewed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def renewed(first: int, renew: Callable[[int], Awaitable[int | None]]) -> Renewed[int]:
    return Renewed(first, renew, lives_s=0.03, facts={"submission_id": "mail-one"})


async def test_it_is_renewed_until_the_end_of_the_block_and_no_longer() -> None:
    async def renew(value: int) -> int | None:
        return value + 1

    async with renewed(1, renew) as kept:
        async with asyncio.timeout(60):
            while kept.value < 4:
                await asyncio.sleep(0.005)
    last = kept.value
    await asyncio.sleep(0.05)
    assert kept.value == last


async def test_what_somebody_else_has_stays_as_it_was() -> None:
    calls = list[int]()

    async def renew(value: int) -> int | None:
        calls.append(value)
        return None

    async with renewed(7, renew) as kept, asyncio.timeout(60):
        while len(calls) < 2:
            await asyncio.sleep(0.005)
    assert (kept.value, set(calls)) == (7, {7})


async def test_a_renewal_that_fails_is_told_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    faults = iter([ServiceUnavailableError("tables")])

    async def renew(value: int) -> int | None:
        if fault := next(faults, None):
            raise fault
        return value + 1

    with caplog.at_level(logging.WARNING):
        async with renewed(1, renew) as kept, asyncio.timeout(60):
            while kept.value < 2:
                await asyncio.sleep(0.005)
    (told,) = caplog.records
    assert (vars(told)["action"], vars(told)["submission_id"]) == ("renewal_failed", "mail-one")


async def test_a_renewal_under_way_is_finished_first() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def renew(value: int) -> int | None:
        begun.set()
        await may_end.wait()
        return value + 1

    kept = renewed(1, renew)

    async def use() -> None:
        async with kept:
            await begun.wait()
            asyncio.get_running_loop().call_later(0.02, may_end.set)

    await asyncio.wait_for(use(), 60)
    assert kept.value == 2
