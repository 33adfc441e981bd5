"""Which IP addresses are on the public internet, and not a way round to somewhere else.

`ipaddress` knows the registries' lists; the rest is what lists do not say: IPv6 forms that carry an
IPv4 address inside, and public addresses by which clouds serve metadata to their machines.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_REFUSED_V4 = (
    IPv4Network("168.63.129.16/32"),  # Azure's agent endpoint: looks public, answers each machine
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle Cloud's metadata among them
    IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_REFUSED_V6 = (
    IPv6Network("2001::/23"),  # protocol assignments: Teredo, ORCHID, benchmarking
    IPv6Network("2002::/16"),  # 6to4: an IPv4 address inside (RFC 3056)
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
_NAT64 = IPv6Network("64:ff9b::/96")  # how a network without IPv4 reaches it (RFC 6052)
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})  # an IPv4 address follows (RFC 5214 6.1)


def is_public(address: str) -> bool:
    """Whether this address, as the resolver gave it, is an ordinary one of the internet."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _is_public_v4(parsed) if isinstance(parsed, IPv4Address) else _is_public_v6(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    if address.is_multicast or not address.is_global:
        return False
    return not any(address in network for network in _REFUSED_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return _is_public_v4(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address not in _GLOBAL_UNICAST or not address.is_global:
        return False
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        return False
    return not any(address in network for network in _REFUSED_V6)
