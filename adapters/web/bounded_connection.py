"""Connections to strangers' servers, of whose answer no more than a head is ever read.

h11 takes any number of informational responses (1xx) before the final one, and the library hands
all those of one read to it without a pause: a flood of them would hold up the event loop and last
as long as the call may. So little is read at a time, and all in all not much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, override

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

_AT_A_TIME = 4096  # 250 of the shortest informational responses: a few milliseconds
MOST_HEAD_BYTES = 64 * 1024  # more than servers and proxies send in header fields


class EndlessHeadError(httpcore.RemoteProtocolError):
    """The head of an answer, with what came before it, is longer than any that makes sense."""


class BoundedBackend(httpcore.AsyncNetworkBackend):
    """Connects as httpcore does; what it reads from a connection is bounded."""

    def __init__(self) -> None:
        # httpcore declares it as an empty class too, for programs without anyio.
        self._backend = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return _BoundedStream(stream)


class _BoundedStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = MOST_HEAD_BYTES

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._left <= 0:
            raise EndlessHeadError
        data = await self._stream.read(min(max_bytes, _AT_A_TIME), timeout)
        self._left -= len(data)
        return data

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()

    @override
    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _BoundedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
