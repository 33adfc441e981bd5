"""A port of 127.0.0.1 that is opened and shut at once, and is never lost while it is shut."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


class Door:
    """Where clients knock. Made inside a running event loop."""

    def __init__(
        self, protocol: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None
    ) -> None:
        self._protocol = protocol
        self._tls = tls
        # This socket never listens: it keeps others off the port, and its callers are refused.
        self._place = _bound(0)
        self.port: int = self._place.getsockname()[1]
        self._listener: socket.socket | None = None
        self._serving: asyncio.Task[asyncio.Server] | None = None

    def open(self) -> None:
        """From now on whoever knocks is let in."""
        if self._listener is None:
            self._listener = _bound(self.port)
            self._listener.listen(1024)
            self._serving = asyncio.create_task(self._serve(self._listener))

    def shut(self) -> None:
        """From now on whoever knocks is refused, and whoever is inside is thrown out."""
        if self._listener is None or self._serving is None:
            return
        if self._serving.done() and not self._serving.cancelled():
            server = self._serving.result()
            server.close()
            server.abort_clients()
        self._serving.cancel()
        self._listener.close()
        self._listener = None

    async def close(self) -> None:
        """Shut it for good."""
        self.shut()
        if self._serving is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving
        self._place.close()

    async def _serve(self, listener: socket.socket) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._protocol, sock=listener, ssl=self._tls, backlog=1024)


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.setblocking(False)
    bound.bind(("127.0.0.1", port))
    return bound
