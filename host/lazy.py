"""Ports that are opened when they are first used.

A Functions app is started anew for every burst of work: its first answer must not wait for SDKs
that it does not need, and clients must be made on the event loop that uses them.
"""

from __future__ import annotations

import asyncio
from functools import cache
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable


def lazily[T](open_port: Callable[[], T]) -> T:
    """Something that stands for the port, and opens it, once, at the first look at it."""
    return cast("T", _Unopened(open_port))


async def close_opened(*ports: object) -> None:
    """Close, in this order, those of the ports that were opened and can be closed."""
    for port in ports:
        if isinstance(port, _Unopened) and (opened := port.opened()) is not None:
            close = getattr(opened, "close", None)
            if iscoroutinefunction(close):
                await close()
            elif close is not None:
                await asyncio.to_thread(close)


class _Unopened:
    def __init__(self, open_port: Callable[[], object]) -> None:
        self._port = cache(open_port)

    def opened(self) -> object | None:
        """What was opened; None before the first use."""
        return self._port() if self._port.cache_info().currsize else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port(), name)
