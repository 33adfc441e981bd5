"""An intake whose storage fails at a chosen step: a full disk, or the end of the process."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mail_ingest.receive import ReceivePolicy, receive
from shared.intake import Intake
from tests.support.local_services import local_services
from tests.support.mails import chunks, origin

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
    from pathlib import Path

    from shared.ports import BlobStore, BlobWriter, WorkQueue

DIED = 9


@dataclass(slots=True)
class Fault:
    """Counts the steps; at the one numbered `at` (from 1) it strikes."""

    at: int
    strike: Callable[[], None]
    steps: int = 0

    def step(self) -> None:
        """One more step begins."""
        self.steps += 1
        if self.steps == self.at:
            self.strike()


def faulty_intake(intake: Intake, fault: Fault) -> Intake:
    """The same intake, with the fault before every step that writes."""
    return Intake(
        blobs=_FaultyBlobs(intake.blobs, fault),
        queue=_FaultyQueue(intake.queue, fault),  # pyright: ignore[reportArgumentType]
        index=intake.index,
        clock=intake.clock,
        turns=intake.turns,
    )


def die_while_taking(folder: Path, raw: bytes, step: int) -> None:
    """Take a mail in a process of its own, which ends at a step with the exit code DIED."""

    def die() -> None:
        os._exit(DIED)

    with local_services(folder) as services:
        intake = faulty_intake(services.intake, Fault(at=step, strike=die))
        asyncio.run(receive(chunks(raw), origin=origin(), intake=intake, policy=ReceivePolicy()))


@dataclass(slots=True)
class _FaultyWriter:
    writer: BlobWriter
    fault: Fault

    async def write(self, data: bytes | memoryview) -> None:
        self.fault.step()
        await self.writer.write(data)


@dataclass(slots=True)
class _FaultyBlobs:
    blobs: BlobStore
    fault: Fault

    @asynccontextmanager
    async def create(
        self, name: str, *, content_type: str = "application/octet-stream"
    ) -> AsyncGenerator[BlobWriter]:
        self.fault.step()
        async with self.blobs.create(name, content_type=content_type) as writer:
            yield _FaultyWriter(writer, self.fault)
            self.fault.step()

    async def put(
        self, name: str, content: bytes, *, content_type: str = "application/octet-stream"
    ) -> None:
        self.fault.step()
        await self.blobs.put(name, content, content_type=content_type)

    async def put_new(
        self, name: str, content: bytes, *, content_type: str = "application/octet-stream"
    ) -> bool:
        self.fault.step()
        return await self.blobs.put_new(name, content, content_type=content_type)

    async def get(self, name: str) -> bytes:
        return await self.blobs.get(name)

    def read(
        self, name: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        return self.blobs.read(name, offset=offset, length=length)

    async def exists(self, name: str) -> bool:
        return await self.blobs.exists(name)

    def list(self, prefix: str) -> AsyncIterator[str]:
        return self.blobs.list(prefix)

    async def delete_prefix(self, prefix: str) -> int:
        return await self.blobs.delete_prefix(prefix)

    async def read_url(self, name: str) -> str:
        return await self.blobs.read_url(name)


@dataclass(slots=True)
class _FaultyQueue:
    queue: WorkQueue
    fault: Fault

    async def send(
        self,
        message_id: str,
        body: bytes,
        *,
        application_properties: Mapping[str, str] | None = None,
    ) -> None:
        self.fault.step()
        await self.queue.send(message_id, body, application_properties=application_properties)
