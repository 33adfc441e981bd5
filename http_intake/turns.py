"""One at a time per key: a request repeated while its first run is on the way waits for it."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """A lock for every key that is in use; a key that nobody holds costs nothing."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, key: str) -> asyncio.Lock:
        """The lock of a key; keep it only for as long as it is used."""
        return self._locks.setdefault(key, asyncio.Lock())
