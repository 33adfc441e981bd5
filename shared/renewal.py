"""What ends by itself, because processes die, and is renewed for as long as it is used."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from shared.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType

logger = logging.getLogger(__name__)

_RENEWED_AFTER = 1 / 3  # of its life: two renewals may fail


class Renewed[T]:
    """A claim, a turn: `value` as it stands after the last renewal.

    `renew` gives the next value, or None when somebody else has it now; whoever works on is to be
    harmless to that one. It is not cut off in the middle, so `value` is final after the block.
    """

    def __init__(
        self,
        first: T,
        renew: Callable[[T], Awaitable[T | None]],
        *,
        lives_s: float,
        facts: Mapping[str, object],
    ) -> None:
        self.value: T = first
        self._renew = renew
        self._every_s = lives_s * _RENEWED_AFTER
        self._facts = facts  # for the log
        self._over = asyncio.Event()
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._renewing = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._renewing is not None:
            await asyncio.shield(self._renewing)

    async def _keep(self) -> None:
        while not await self._is_over():
            try:
                renewed = await self._renew(self.value)
            except IngestError as exc:
                logger.warning(
                    "not renewed, will try again",
                    extra={**self._facts, "action": "renewal_failed", "error": str(exc)},
                )
            else:
                self.value = self.value if renewed is None else renewed

    async def _is_over(self) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), self._every_s)
        return self._over.is_set()
