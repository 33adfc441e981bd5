"""Processes that die: after a death none of its calls does anything, as after ``kill -9``."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random


class Crash(BaseException):
    """The process is dead."""


class Life:
    """One process. Each call through `mortal` may be its last, before or after it is done."""

    def __init__(self, random: Random, *, risk: float) -> None:
        self._random = random
        self._risk = risk
        self._dead = False

    def touch(self, *, risk: float | None = None) -> None:
        """Live on, or die."""
        if self._dead or self._random.random() < (self._risk if risk is None else risk):
            self._dead = True
            raise Crash

    def mortal[T](self, target: T) -> T:
        """The same thing, whose coroutine methods are calls of this process."""
        wrapped: Any = _Mortal(target, self)
        return wrapped


class _Mortal:
    def __init__(self, target: object, life: Life) -> None:
        self._target = target
        self._life = life

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._target, name)
        if not inspect.iscoroutinefunction(member):
            return member

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._life.touch()
            result = await member(*args, **kwargs)
            self._life.touch()
            return result

        return call
