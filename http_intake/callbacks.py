"""Which callback_url may be called: the address guard is asked, in a thread, since it looks up
names.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from http_intake.fields import invalid

if TYPE_CHECKING:
    from collections.abc import Callable


async def check_callback(url: str, guard: Callable[[str], str | None]) -> None:
    """Raise ProblemError when there is a URL and the guard refuses it."""
    refusal = await asyncio.to_thread(guard, url) if url else None
    if refusal is not None:
        raise invalid("callback_url", refusal)
