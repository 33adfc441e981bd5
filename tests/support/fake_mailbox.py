"""A mailbox in memory behind POST /v1/emails/by-reference, and what was asked of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from http_intake.doors import MailReference

ADDRESS = "photos@newsroom.example"


@dataclass(slots=True)
class FakeMailbox:
    """`messages` by Graph ID. Reading waits for `open`; `failure` breaks it off in the middle."""

    messages: dict[str, bytes]
    failure: Exception | None = None
    asked: list[MailReference] = field(default_factory=list["MailReference"])
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def fetch(self, reference: MailReference) -> AsyncGenerator[bytes] | None:
        """See `FetchByReference`."""
        self.asked.append(reference)
        raw = self.messages.get(reference.graph_id)
        return None if raw is None else self._chunks(raw)

    async def _chunks(self, raw: bytes) -> AsyncGenerator[bytes]:
        middle = len(raw) // 2
        yield raw[:middle]
        await self.open.wait()
        if self.failure:
            raise self.failure
        yield raw[middle:]
