"""Listens for SMTP on one address and delivers into a Maildir.

It listens on this machine only, unless the operator says otherwise: it has no users and no
passwords, so whoever reaches it may hand in mail.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from typing import TYPE_CHECKING

from adapters.local import maildir
from adapters.local.maildir_delivery import remove_abandoned
from adapters.local.smtp_session import SmtpSession
from shared.connection_limit import ConnectionLimit
from shared.errors import SettingsError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from adapters.local.smtp_policy import SmtpPolicy
    from shared.ports import Clock

_GRACE_S = 10.0  # between two commands of a client, before its place is given to another one


class SmtpListener:
    """An SMTP server in this event loop. `delivered` is called after each mail."""

    def __init__(
        self,
        folder: Path,
        policy: SmtpPolicy,
        *,
        clock: Clock,
        delivered: Callable[[], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._folder = folder
        self._policy = policy
        self._clock = clock
        self._delivered = delivered
        self._tls = tls
        self._sessions: set[SmtpSession] = set()
        self._limit: ConnectionLimit[SmtpSession] = ConnectionLimit(
            most=policy.max_connections,
            per_peer=policy.max_connections_per_peer,
            grace_s=_GRACE_S,
        )
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int, *, allow_remote: bool = False) -> int:
        """Listen; the port, which the system chooses when `port` is 0. Raises SettingsError."""
        if not allow_remote and not is_loopback(host):
            raise SettingsError(
                "MAIL_INGEST_SMTP_LISTEN_HOST",
                f"{host} can be reached from other machines, and the listener asks for no password."
                " Write 127.0.0.1, or allow it with MAIL_INGEST_SMTP_LISTEN_OPEN=1.",
            )
        await asyncio.to_thread(maildir.create, self._folder)
        await asyncio.to_thread(remove_abandoned, self._folder)
        # aiosmtpd logs commands and addresses, which are none of the log's business.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._protocol, host, port
            )
        except OSError as exc:
            raise SettingsError(
                "MAIL_INGEST_SMTP_LISTEN_PORT",
                f"cannot listen on {host} port {port} ({exc.strerror or exc}). Stop what uses the"
                " port, or choose another one; 0 lets the system choose.",
            ) from exc
        return self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end the sessions. A mail that was not answered with 250 is the
        client's; it sends it again.
        """
        if self._server is None:
            return
        self._server.close()
        endings = [session.end() for session in self._sessions]
        if endings:
            await asyncio.wait(endings)
        await self._server.wait_closed()

    def _protocol(self) -> asyncio.BaseProtocol:
        return SmtpSession(
            self._folder,
            self._policy,
            clock=self._clock,
            delivered=self._delivered,
            sessions=self._sessions,
            limit=self._limit,
            tls=self._tls,
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a listener on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
