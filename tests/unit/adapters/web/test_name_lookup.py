from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from adapters.web.name_lookup import LookUpLimits, NameLookup
from shared.errors import ServiceUnavailableError
from tests.support.dead_names import DeadNames

GOOD = "hooks.example"


@pytest.fixture
def names() -> Iterator[DeadNames]:
    names = DeadNames()
    yield names
    names.release.set()


def lookup(
    names: DeadNames,
    *,
    per_owner: int = 2,
    per_host: int = 2,
    most_waiting: int = 200,
    queue_s: float = 30,
) -> NameLookup:
    limits = LookUpLimits(
        per_owner=per_owner,
        per_host=per_host,
        most_waiting=most_waiting,
        time_s=0.05,
        queue_s=queue_s,
    )
    return NameLookup(names.resolve, limits)


async def stuck(lookup: NameLookup, host: str, owner: str) -> None:
    with pytest.raises(ServiceUnavailableError):
        await lookup.addresses(host, 443, owner=owner)


async def test_a_name_is_looked_up() -> None:
    found = await NameLookup().addresses("localhost", 443, owner="a")
    assert set(found) <= {"127.0.0.1", "::1"}
    assert found


async def test_an_address_is_its_own_answer_and_takes_no_look_up(names: DeadNames) -> None:
    for address in ("127.0.0.1", "2606:4700::1"):
        assert await lookup(names).addresses(address, 443, owner="a") == (address,)
    assert names.asked == []


async def test_a_look_up_that_hangs_is_waited_for_no_longer_than_the_limit(
    names: DeadNames,
) -> None:
    await stuck(lookup(names), "a.dead.example", "a")
    assert (names.asked, names.answered) == (["a.dead.example"], [])


async def test_stuck_look_ups_of_one_owner_leave_those_of_another_alone(
    names: DeadNames,
) -> None:
    shared = lookup(names, per_owner=2, queue_s=0.05)
    for host in ("a.dead.example", "b.dead.example", "c.dead.example"):
        await stuck(shared, host, "evil")
    assert names.asked == ["a.dead.example", "b.dead.example"]  # the third found no slot
    await stuck(shared, GOOD, "evil")
    assert await shared.addresses(GOOD, 443, owner="good") == ("127.0.0.1",)


async def test_stuck_look_ups_of_one_host_leave_other_hosts_of_its_owner_alone(
    names: DeadNames,
) -> None:
    shared = lookup(names, per_owner=3, per_host=1, queue_s=0.05)
    for _ in range(5):
        await stuck(shared, "a.dead.example", "a")
    assert names.asked == ["a.dead.example"]
    assert await shared.addresses(GOOD, 443, owner="a") == ("127.0.0.1",)


async def test_a_slot_is_free_again_when_its_thread_has_ended(names: DeadNames) -> None:
    shared = lookup(names, per_owner=1, queue_s=30)
    await stuck(shared, "a.dead.example", "a")
    waiting = asyncio.create_task(shared.addresses(GOOD, 443, owner="a"))
    await asyncio.sleep(0)
    assert names.asked == ["a.dead.example"]
    names.release.set()
    assert await waiting == ("127.0.0.1",)


async def test_no_more_than_so_many_wait_for_a_slot(names: DeadNames) -> None:
    shared = lookup(names, per_owner=1, most_waiting=1)
    await stuck(shared, "a.dead.example", "a")
    waiting = asyncio.create_task(shared.addresses(GOOD, 443, owner="a"))
    await asyncio.sleep(0)
    await stuck(shared, GOOD, "a")  # at once: it does not wait for the time limit of the queue
    assert not waiting.done()
    waiting.cancel()


async def test_a_look_up_that_fails_says_why() -> None:
    def resolve(_host: str, _port: int) -> Sequence[str]:
        raise ServiceUnavailableError("name resolution", "no such server")

    with pytest.raises(ServiceUnavailableError, match="no such server"):
        await NameLookup(resolve).addresses(GOOD, 443, owner="a")


_ENDS_AT_ONCE = """
import asyncio, contextlib, threading
from adapters.web.name_lookup import LookUpLimits, NameLookup
from shared.errors import ServiceUnavailableError

async def main():
    names = NameLookup(lambda *_: threading.Event().wait(), LookUpLimits(time_s=0.05))
    with contextlib.suppress(ServiceUnavailableError):
        await names.addresses("a.dead.example", 443, owner="a")

asyncio.run(main())
"""


def test_a_program_ends_although_a_look_up_hangs() -> None:
    program = [sys.executable, "-c", _ENDS_AT_ONCE]
    subprocess.run(program, check=True, timeout=30)  # noqa: S603
