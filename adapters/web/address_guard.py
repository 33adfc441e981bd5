"""Which URLs we call on a stranger's word: only public ones, unless the operator allows more.

A URL is parsed once, its host is looked up once, and every address found is vetted; who calls it
must connect to those addresses, so a name that changes its address in between (DNS rebinding)
gains nothing. Not here: calling it.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from adapters.web.name_lookup import NameLookup
from adapters.web.public_addresses import is_public
from shared.errors import ServiceUnavailableError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network, IPv6Network

    import httpx

    from adapters.web.name_lookup import Resolve

_LONGEST_URL = 2000
_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9_.-]{1,253}|\[?[0-9a-f:.]{2,45}\]?", re.IGNORECASE)
_FIRST_UNPRIVILEGED_PORT = 1024
_ASK_THE_OPERATOR = "Whoever runs this service can allow the host by name."
_CHECK_S = 3.0  # how long a submission waits for the look-up of its callback_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that may be called, and the only addresses at which. `host` is what the certificate
    must name.
    """

    url: httpx.URL
    host: str
    port: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a URL is not called: a sentence for its owner. It tells no address that was looked up."""

    sentence: str


class AddressGuard:
    """Vets URLs. `owner` is the client on whose word a URL is called: its look-ups hold up no other
    client's.
    """

    def __init__(self, allowed: Iterable[str] = (), *, resolve: Resolve | None = None) -> None:
        """`allowed` holds host names, addresses and networks that the operator vouches for. A host
        that is written there may also be called by http and on any port. Raises SettingsError.
        """
        entries = frozenset(entry.strip().strip("[]").lower() for entry in allowed) - {""}
        self._hosts = entries
        self._networks = tuple(_network(entry) for entry in entries if _is_network(entry))
        self._names = NameLookup(resolve)

    async def check_url(self, url: str, owner: str = "") -> str | None:
        """Why this URL is refused, or None; soon, whatever the name's server does. A name that
        cannot be looked up just now passes, and costs nobody their submission: it is vetted again
        before each call.
        """
        try:
            async with asyncio.timeout(_CHECK_S):
                vetted = await self.vet(url, owner)
        except (ServiceUnavailableError, TimeoutError):
            return None
        return vetted.sentence if isinstance(vetted, Refusal) else None

    async def vet(self, url: str, owner: str = "") -> Target | Refusal:
        """Where a URL may be called. Raises ServiceUnavailableError when its name cannot be looked
        up just now.
        """
        parsed = _parse(url)
        if parsed is None:
            return Refusal(sentence="It is no URL that we can call.")
        host = parsed.raw_host.decode("ascii").lower().strip("[]")
        port = _port(parsed)
        refusal = self._refuse_form(parsed, host, port)
        if refusal is not None:
            return refusal
        addresses = tuple(dict.fromkeys(await self._names.addresses(host, port, owner=owner)))
        if not addresses:
            return Refusal(sentence=f"There is no host named {host}.")
        if not all(self._may_be_called(host, address) for address in addresses):
            return Refusal(
                sentence=f"The host {host} is not on the public internet. {_ASK_THE_OPERATOR}"
            )
        return Target(url=parsed, host=host, port=port, addresses=addresses)

    def _refuse_form(self, url: httpx.URL, host: str, port: int) -> Refusal | None:
        sentence = None
        if url.userinfo:
            sentence = "It holds a user name or a password; leave them out."
        elif host in self._hosts:
            return None
        elif url.scheme != "https":
            sentence = f"It does not begin with https://. {_ASK_THE_OPERATOR}"
        elif port != _PORTS[url.scheme] and port < _FIRST_UNPRIVILEGED_PORT:
            sentence = f"The port {port} is for other services than the web. Use 443."
        return Refusal(sentence=sentence) if sentence else None

    def _may_be_called(self, host: str, address: str) -> bool:
        if host in self._hosts or is_public(address):
            return True
        parsed = ip_address(address)
        return any(parsed in network for network in self._networks)


def _parse(url: str) -> httpx.URL | None:
    import httpx  # here, because the first answer of a Functions app must not wait for it

    if len(url) > _LONGEST_URL:
        return None
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return None
    host = parsed.raw_host.decode("ascii")
    callable_ = parsed.scheme in _PORTS and _HOST.fullmatch(host) and 0 < _port(parsed) < 1 << 16
    return parsed if callable_ else None


def _port(url: httpx.URL) -> int:
    return _PORTS[url.scheme] if url.port is None else url.port


def _is_network(entry: str) -> bool:
    """Whether an entry is an address or a network, and no name."""
    return "/" in entry or ":" in entry or entry.replace(".", "").isdecimal()


def _network(entry: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(entry)
    except ValueError as exc:
        raise SettingsError(
            "MAIL_INGEST_WEBHOOK_ALLOW",
            f"{entry} is neither a host name, an address nor a network (such as 10.1.0.0/16).",
        ) from exc
