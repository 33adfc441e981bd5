"""How many connections a listener holds at a time, and how many of one peer.

When there are too many, those that bring nothing give way first: the peer's own when the peer has
too many, else those of the peer that has most. So whoever opens connections and keeps silent shuts
nobody else out. Not here: what is said to a connection that finds no place.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TYPE_CHECKING, Protocol

from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from ipaddress import IPv4Network, IPv6Network

    type Network = IPv4Network | IPv6Network

_IPV6_PREFIX = 64  # what one subscriber has at the least (RFC 6177 section 2)


class Connection(Protocol):
    """A connection as its protocol sees it; compared by identity."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way that its client would miss."""
        ...

    def displace(self) -> None:
        """Close it, because others need its place."""
        ...


@dataclass(slots=True)
class _Place:
    peer: str
    since: float
    trusted: bool


class ConnectionLimit[C: Connection]:
    """The connections of one listener. Up to `reserve` more than `most` are held, for a moment.
    A connection may be idle for `grace_s` before it has to give way. `trusted` are networks of
    reverse proxies, which speak for many clients: they have no limit of their own.
    """

    def __init__(
        self,
        *,
        most: int,
        per_peer: int,
        reserve: int = 0,
        grace_s: float = 1.0,
        trusted: Iterable[Network] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._per_peer = per_peer
        self._reserve = reserve
        self._grace_s = grace_s
        self._trusted = tuple(trusted)
        self._clock = clock
        self._places: dict[C, _Place] = {}  # the one that was used longest ago comes first
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[C]:
        return iter(tuple(self._places))

    def __contains__(self, connection: object) -> bool:
        return connection in self._places

    def admit(self, connection: C, address: str) -> bool:
        """Count a connection in, and close idle ones while there are too many; False when it cannot
        even be held, and is not counted.
        """
        peer = peer_of(address)
        trusted = self._is_trusted(address)
        self._places[connection] = _Place(peer, self._clock(), trusted)
        self._counts[peer] = self._counts.get(peer, 0) + 1
        while self._peer_is_over(connection) and self._displace(self._grace_s, of=peer):
            pass
        while len(self) > self._most and self._displace(self._grace_s):
            pass
        if len(self) <= self._most + self._reserve:
            return True
        if self._reserve and self._displace(0.0, but=connection):
            return True
        self.remove(connection)
        return False

    def remove(self, connection: C) -> None:
        """Count a connection out; one that is not counted is ignored."""
        place = self._places.pop(connection, None)
        if place is not None:
            self._counts[place.peer] -= 1
            if not self._counts[place.peer]:
                del self._counts[place.peer]

    def touch(self, connection: C) -> None:
        """Note that a connection was of use just now."""
        if (place := self._places.pop(connection, None)) is not None:
            place.since = self._clock()
            self._places[connection] = place

    def is_over(self, connection: C) -> bool:
        """Whether there are too many connections, or too many of this one's peer."""
        return len(self) > self._most or self._peer_is_over(connection)

    def _displace(self, grace_s: float, *, of: str = "", but: C | None = None) -> bool:
        """Close a connection, of one peer or of whoever has most, that has been idle for a while;
        whether there was one.
        """
        idle = [
            each
            for each in self._unused(grace_s)
            if each is not but and (not of or self._places[each].peer == of)
        ]
        if not idle:
            return False
        chosen = max(idle, key=self._greed)  # of equals the first, which has waited longest
        self.remove(chosen)
        chosen.displace()
        return True

    def _unused(self, grace_s: float) -> Iterator[C]:
        latest = self._clock() - grace_s
        for connection, place in self._places.items():
            if place.since > latest:  # and all after it
                return
            if connection.is_idle:
                yield connection

    def _peer_is_over(self, connection: C) -> bool:
        place = self._places.get(connection)
        if place is None or place.trusted:
            return False
        return self._counts[place.peer] > self._per_peer

    def _greed(self, connection: C) -> tuple[bool, int]:
        place = self._places[connection]
        return not place.trusted, self._counts[place.peer]

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def peer_of(address: str) -> str:
    """Who an address belongs to: an IPv6 subscriber has a whole network of them."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, _IPV6_PREFIX), strict=False))


def read_networks(setting: str, entries: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks of a setting. Raises SettingsError."""
    networks: list[Network] = []
    for entry in entries:
        try:
            networks.append(ip_network(entry.strip()))
        except ValueError as exc:
            raise SettingsError(
                setting, f"{entry} is neither an address nor a network (such as 10.1.0.0/16)."
            ) from exc
    return tuple(networks)
