"""Ports that are opened when they are first used.

A Functions app is started anew for every burst of work: its first answer must not wait for SDKs
that it does not need, and clients must be made on the event loop that uses them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable


def lazily[T](open_port: Callable[[], T]) -> T:
    """Something that stands for the port, and opens it, once, at the first look at it."""
    return cast("T", _Unopened(open_port))


class _Unopened:
    def __init__(self, open_port: Callable[[], object]) -> None:
        self._port = cache(open_port)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port(), name)
