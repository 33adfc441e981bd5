"""What the SMTP listener takes, from whom, how fast; and the replies by which it says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

_CHUNK = 1024 * 1024  # more than the reader ever holds, so that a read empties it

TOO_LARGE = "552 5.3.4 The message is larger than the limit of {limit:,} bytes"
DISK_FULL = "452 4.3.1 The disk is full; please try again later"
BUSY = b"421 4.7.0 Too many connections; please try again later\r\n"
TOO_SLOW = b"421 4.4.2 This takes too long; please try again later\r\n"
LATER = "451 4.3.0 The message could not be stored; please try again later"
NOT_HERE = "550 5.7.1 We take no mail for this address, and relay none"
TOO_MANY = "452 4.5.3 Too many recipients"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpPolicy:
    """Whose mail is taken, and how much of it. `recipients` holds lower-case addresses and domains;
    empty: every recipient's. What the mail says of its authentication is believed only when a
    client in `trusted_peers` handed it in (RFC 8601 section 5: the border's own name is forged).
    """

    recipients: frozenset[str] = frozenset()
    max_message_bytes: int = 157_286_400
    max_recipients: int = 100
    max_connections: int = 50
    max_connections_per_peer: int = 20
    idle_timeout_s: float = 300.0  # RFC 5321 4.5.3.2.7
    min_bytes_per_s: int = 500  # of the data, on the average; a silence as above comes on top
    max_session_s: float = 14_400.0
    hostname: str = "localhost"
    trusted_peers: tuple[IPv4Network | IPv6Network, ...] = ()

    def trusts(self, peer: str) -> bool:
        """Whether a server of ours is at this address, which deletes what strangers forge."""
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.trusted_peers)

    def takes(self, recipient: str) -> bool:
        """Whether mail for this address is taken."""
        address = recipient.lower()
        domain = address.rpartition("@")[2]
        return not self.recipients or address in self.recipients or domain in self.recipients


class DataPatience:
    """How long the data of a mail may be waited for: a pause of the idle time, and as much more as
    its size is worth at the least rate. Our own work does not count.
    """

    def __init__(self, policy: SmtpPolicy) -> None:
        self._policy = policy
        self._size = 0
        self._waited_s = 0.0

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The next data; none at its end. Raises TimeoutError."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            async with asyncio.timeout(self._left_s()):
                chunk = await reader.read(_CHUNK)
        finally:
            self._waited_s += clock() - begun
        self._size += len(chunk)
        return chunk

    def _left_s(self) -> float:
        idle_s = self._policy.idle_timeout_s
        allowed_s = idle_s + self._size / self._policy.min_bytes_per_s
        return max(0.0, min(idle_s, allowed_s - self._waited_s))
