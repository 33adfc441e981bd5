"""A wake-up call that cannot be missed."""

from __future__ import annotations

import asyncio
import threading
import time

from adapters.local.wakeup import Wakeup


async def test_a_call_between_the_look_and_the_wait_is_not_missed() -> None:
    wakeup = Wakeup()
    seen = wakeup.count
    wakeup.notify()

    async with asyncio.timeout(60):
        await wakeup.wait(seen)


async def test_everybody_who_waits_is_woken_from_another_thread() -> None:
    wakeup = Wakeup()
    waiting = [asyncio.create_task(wakeup.wait(wakeup.count)) for _ in range(3)]
    await asyncio.sleep(0)

    thread = threading.Thread(target=wakeup.notify)
    thread.start()
    async with asyncio.timeout(60):
        await asyncio.gather(*waiting)
    thread.join()


async def test_a_wait_ends_when_its_time_is_over() -> None:
    began = time.monotonic()

    wakeup = Wakeup()
    await wakeup.wait(wakeup.count, 0.05)

    assert time.monotonic() - began >= 0.04


def test_a_waiter_whose_loop_has_ended_does_no_harm() -> None:
    wakeup = Wakeup()
    loop = asyncio.new_event_loop()
    task = loop.create_task(wakeup.wait(wakeup.count))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    wakeup.notify()

    assert not task.done()
    task.get_coro().close()  # pyright: ignore[reportOptionalMemberAccess]
