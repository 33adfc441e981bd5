"""Ports that are opened when they are first used, and closed if they were.

A Functions app is started anew for every burst of work: its first answer must not wait for SDKs
that it does not need, and clients must be made on the event loop that uses them. A program that
runs for long imports and opens everything before it takes anything.
"""

from __future__ import annotations

import asyncio
import logging
from functools import cache
from importlib import import_module
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

logger = logging.getLogger(__name__)

_CLOSED_WITHIN_S = 2.0  # a service that hangs must not hold up the end of a program


def lazily[T](open_port: Callable[[], T]) -> T:
    """Something that stands for the port, and opens it, once, at the first look at it."""
    return cast("T", _Unopened(open_port))


async def imported(modules: Iterable[str]) -> None:
    """Import modules, which takes seconds, in a thread: the event loop goes on meanwhile."""
    await asyncio.to_thread(lambda: [import_module(module) for module in modules])


def open_now(*ports: object) -> None:
    """Open those of the ports that are not open yet: what will not open is said before anything is
    done. Raises SettingsError.
    """
    for port in ports:
        if isinstance(port, _Unopened):
            port.open_now()


async def close_opened(*ports: object, within_s: float = _CLOSED_WITHIN_S) -> None:
    """Close, side by side, those of the ports that were opened and can be closed. One that fails or
    takes too long is logged and left: its service learns of our end by itself.
    """
    opened = (port.opened() for port in ports if isinstance(port, _Unopened))
    closes = (getattr(port, "close", None) for port in opened if port is not None)
    await asyncio.gather(*(close_in_time(close, within_s) for close in closes if close is not None))


async def close_in_time(close: Callable[[], Any], within_s: float = _CLOSED_WITHIN_S) -> None:
    """Call a function that closes something, and leave it behind when it takes too long."""
    closing = asyncio.ensure_future(
        close() if iscoroutinefunction(close) else asyncio.to_thread(close)
    )
    # Not a timeout: what was cancelled and hangs all the same would be waited for.
    await asyncio.wait([closing], timeout=within_s)
    if closing.done():
        error = closing.exception()
    else:
        closing.cancel()
        error = TimeoutError()
    if error is not None:
        facts = {
            "action": "close_failed",
            "service": close.__qualname__.removesuffix(".close"),
            "error": type(error).__name__,
        }
        logger.warning("not closed in good order", extra=facts)


class _Unopened:
    def __init__(self, open_port: Callable[[], object]) -> None:
        self._port = cache(open_port)

    def open_now(self) -> None:
        """Open it, if nobody has used it yet."""
        self._port()

    def opened(self) -> object | None:
        """What was opened; None before the first use."""
        return self._port() if self._port.cache_info().currsize else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port(), name)
