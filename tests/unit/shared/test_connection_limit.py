from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from shared.connection_limit import ConnectionLimit, peer_of, read_networks
from shared.errors import SettingsError


@dataclass(eq=False)
class FakeConnection:
    is_idle: bool = True
    displaced: bool = False

    def displace(self) -> None:
        self.displaced = True


@dataclass
class Listener:
    """A limit, and a clock that only the test moves."""

    most: int = 3
    reserve: int = 0
    per_peer: int = 2
    trusted: tuple[str, ...] = ()
    now: float = 0.0
    limit: ConnectionLimit[FakeConnection] = field(init=False)

    def __post_init__(self) -> None:
        self.limit = ConnectionLimit(
            most=self.most,
            per_peer=self.per_peer,
            reserve=self.reserve,
            trusted=read_networks("PROXIES", self.trusted),
            clock=lambda: self.now,
        )

    def connect(self, address: str, *, idle: bool = True) -> FakeConnection:
        self.now += 10
        connection = FakeConnection(is_idle=idle)
        self.limit.admit(connection, address)
        return connection


def test_as_many_as_allowed_find_a_place() -> None:
    listener = Listener()
    places = [listener.connect(f"192.0.2.{n}") for n in range(3)]
    assert not any(listener.limit.is_over(each) or each.displaced for each in places)


def test_an_idle_connection_of_the_peer_with_most_gives_way_first() -> None:
    listener = Listener()
    alone = listener.connect("192.0.2.1")
    first, second = listener.connect("192.0.2.2"), listener.connect("192.0.2.2")
    newest = listener.connect("192.0.2.3")
    assert [each.displaced for each in (alone, first, second, newest)] == [
        False, True, False, False,
    ]  # fmt: skip
    assert not listener.limit.is_over(newest)


def test_a_connection_with_work_under_way_never_gives_way() -> None:
    listener = Listener(reserve=1)
    busy = [listener.connect(f"192.0.2.{n}", idle=False) for n in range(3)]
    newest = listener.connect("192.0.2.9")
    assert not any(each.displaced for each in busy)
    assert listener.limit.is_over(newest)


def test_a_peer_with_too_many_gives_way_to_itself() -> None:
    listener = Listener(most=100)
    other = listener.connect("192.0.2.1")
    own = [listener.connect("192.0.2.2") for _ in range(3)]
    assert [each.displaced for each in (other, *own)] == [False, True, False, False]


def test_a_peer_with_too_many_under_way_is_over_and_others_are_not() -> None:
    listener = Listener(most=100)
    own = [listener.connect("192.0.2.2", idle=False) for _ in range(3)]
    assert all(listener.limit.is_over(each) for each in own)
    assert not listener.limit.is_over(listener.connect("192.0.2.1"))


def test_a_trusted_proxy_has_no_limit_of_its_own() -> None:
    listener = Listener(most=100, trusted=("10.0.0.0/8",))
    own = [listener.connect("10.1.2.3", idle=False) for _ in range(5)]
    assert not any(listener.limit.is_over(each) for each in own)


def test_connections_of_others_give_way_before_those_of_a_proxy() -> None:
    listener = Listener(most=3, per_peer=10, trusted=("10.0.0.0/8",))
    own = [listener.connect("10.1.2.3") for _ in range(2)]
    other = listener.connect("192.0.2.1")
    listener.connect("10.1.2.3")
    assert [each.displaced for each in (*own, other)] == [False, False, True]


def test_a_connection_that_was_just_made_or_used_does_not_give_way() -> None:
    listener = Listener(most=1, reserve=1)
    used = listener.connect("192.0.2.1")
    listener.now += 10
    listener.limit.touch(used)
    newest = FakeConnection()
    listener.limit.admit(newest, "192.0.2.2")
    assert not used.displaced
    assert listener.limit.is_over(newest)


def test_beyond_the_reserve_the_newest_takes_the_place_of_an_idle_one() -> None:
    listener = Listener(most=1, reserve=1)
    young = [FakeConnection() for _ in range(3)]
    for number, connection in enumerate(young):
        assert listener.limit.admit(connection, f"192.0.2.{number}")
    assert [each.displaced for each in young] == [True, False, False]


def test_beyond_the_reserve_nothing_is_held_while_all_are_busy() -> None:
    listener = Listener(most=1)
    busy = listener.connect("192.0.2.1", idle=False)
    newest = FakeConnection()
    assert not listener.limit.admit(newest, "192.0.2.2")
    assert (len(listener.limit), busy.displaced) == (1, False)


def test_a_place_is_free_again_when_its_connection_has_ended() -> None:
    listener = Listener(per_peer=1)
    listener.limit.remove(listener.connect("192.0.2.1", idle=False))
    assert not listener.limit.is_over(listener.connect("192.0.2.1"))
    assert len(listener.limit) == 1


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("fe80::1%eth0", "fe80::2%eth1"),
    ],
)
def test_addresses_of_one_subscriber_are_one_peer(one: str, another: str) -> None:
    assert peer_of(one) == peer_of(another)


def test_other_networks_are_other_peers() -> None:
    assert len({peer_of(each) for each in ("2001:db8::1", "2001:db8:0:1::1", "192.0.2.1", "")}) == 4


def test_what_is_no_network_is_named() -> None:
    with pytest.raises(SettingsError, match=r"MAIL_INGEST_X: 10\.0\.0\.1/8 is neither"):
        read_networks("MAIL_INGEST_X", ["10.0.0.1/8"])
