"""Runs the HTTP door inside a running event loop: bind, serve, stop in good order.

Not here: signals and the rest of the process; those are the host's.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, override

import uvicorn

from http_intake.connections import RefuseWhenFull
from http_intake.protocol import IntakeConfig, IntakeProtocol
from shared.connection_limit import ConnectionLimit
from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from starlette.types import ASGIApp

    from shared.connection_limit import Network

_HOST, _PORT = "MAIL_INGEST_HTTP_HOST", "MAIL_INGEST_HTTP_PORT"
_BACKLOG = 512
_MAX_HEAD_BYTES = 32 * 1024
_RESERVE = 64  # connections beyond the limit: to be told so, and for health


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the door is, and how long it waits."""

    host: str = "127.0.0.1"
    port: int = 8080  # 0 takes a free one
    keep_alive_s: int = 15  # for the next request, or for the whole head of one
    stop_s: int = 20  # for the requests under way, when the door is closed
    max_connections: int = 500  # more are answered with 503
    max_connections_per_peer: int = 100
    trusted_proxies: tuple[Network, ...] = ()  # of their connections there may be any number


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where the door is open."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@asynccontextmanager
async def serving(
    app: ASGIApp, settings: ServerSettings, *, has_keys: bool, has_name: bool = True
) -> AsyncGenerator[ServerAddress]:
    """Serve `app` for as long as the block runs; the requests under way at its end are finished.
    `has_name` says whether the app knows its own URL, as far as it needs it.

    Raises SettingsError when the address cannot be bound, or others reach it without keys or name.
    """
    if not has_keys and not _is_loopback(settings.host):
        raise SettingsError(
            _HOST,
            f"{settings.host} can be reached from other machines, and no keys are configured. Set"
            " MAIL_INGEST_KEYS (`mail-ingest key NAME` makes one), or use 127.0.0.1.",
        )
    if not has_name and not _is_loopback(settings.host):
        raise SettingsError(
            "MAIL_INGEST_PUBLIC_URL",
            f"it is empty, and {settings.host} can be reached from other machines. Set it to the"
            " URL that clients call, such as https://intake.newsroom.example: the addresses that"
            " they are told begin with it.",
        )
    listener = _listen(settings)
    server = _Server(app, settings)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http-door")
    try:
        await server.listening.wait()
        yield ServerAddress(host=settings.host, port=listener.getsockname()[1])
    finally:
        server.stop()
        await task


class _Server(uvicorn.Server):
    """uvicorn's server, but it leaves signals alone, tells when it listens, and sleeps while there
    is nothing to do.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        limited = RefuseWhenFull(app, is_full=self._has_many_tasks)
        super().__init__(_config(limited, settings))
        self._max_tasks = settings.max_connections
        self.listening = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no more requests, finish those under way, and end."""
        self.should_exit = True
        self._stopping.set()

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @override
    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # 0: renew the Date header, which counts seconds
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1.0)

    def _has_many_tasks(self) -> bool:
        """A request is worked on also when its client has gone."""
        return len(self.server_state.tasks) > self._max_tasks


def _config(app: ASGIApp, settings: ServerSettings) -> uvicorn.Config:
    return IntakeConfig(
        app,
        connections=ConnectionLimit(
            most=settings.max_connections,
            per_peer=settings.max_connections_per_peer,
            reserve=_RESERVE,
            trusted=settings.trusted_proxies,
        ),
        http=IntakeProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=logging.ERROR,  # of what it warns, we tell ourselves, with the facts
        access_log=False,  # its lines would carry query strings
        server_header=False,
        proxy_headers=False,  # whoever calls could claim to be somebody else
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.stop_s,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    address = (settings.host, settings.port)
    try:
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as exc:
        raise _cannot_bind(settings, exc) from exc


def _cannot_bind(settings: ServerSettings, exc: OSError) -> SettingsError:
    match exc.errno:
        case errno.EADDRINUSE:
            return SettingsError(
                _PORT,
                f"another program uses port {settings.port} of {settings.host}. Stop it, or set"
                " another port (0 takes a free one).",
            )
        case errno.EACCES:
            return SettingsError(
                _PORT, f"port {settings.port} needs privileges. Set one above 1023."
            )
        case _:
            return SettingsError(
                _HOST,
                f"this machine has no address {settings.host}. Set one that it has, such as"
                " 127.0.0.1.",
            )
