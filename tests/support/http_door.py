"""The HTTP door on a real socket, over the local adapters on a folder of a test."""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import httpx

from http_intake.app import build_app
from http_intake.doors import Doors, HttpSettings, Readiness
from http_intake.serving import ServerSettings, serving
from mail_ingest.receive import ReceivePolicy, receive
from tests.support.local_http import NO_TLS
from tests.support.local_services import LocalServices, local_services

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    from http_intake.doors import CheckCallback, FetchByReference
    from shared.ports import BlobStore, DirectUploads

JPEG = bytes.fromhex("ffd8ffe000104a46494600010101004800480000ffdb0043") + bytes(5000)
MP4 = bytes.fromhex("0000001866747970697361660000020069736f6d69736f32") + bytes(5000)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(500)
MAIL = b"From: Ann <ann@example.org>\r\nSubject: Storm\r\n\r\nNo photo yet.\r\n"

KEY = "a-key-for-tests"
KEYS = {"desk-app": hashlib.sha256(KEY.encode()).hexdigest()}


@dataclass(slots=True)
class Door:
    """An open door: where it is, a client of it, and what is behind it."""

    url: str
    port: int
    client: httpx.AsyncClient
    services: LocalServices
    doors: Doors
    readiness: Readiness = field(default_factory=lambda: Readiness(ready=True))

    async def blobs(self) -> list[str]:
        """The names of all blobs."""
        return [name async for name in self.services.blobs.list("")]


async def refuse_nothing(_url: str, _client: str) -> str | None:
    """An address guard that lets everything pass."""
    return None


@asynccontextmanager
async def open_door(
    folder: Path,
    settings: HttpSettings | None = None,
    *,
    server: ServerSettings | None = None,
    check_callback: CheckCallback = refuse_nothing,
    mailboxes: Mapping[str, FetchByReference] | None = None,
    policy: ReceivePolicy | None = None,
    blobs: BlobStore | None = None,
    uploads: Callable[[BlobStore], DirectUploads] | None = None,
) -> AsyncGenerator[Door]:
    """Open the door on a free port of 127.0.0.1; its client sends KEY when keys are set."""
    settings = settings or HttpSettings()
    policy = policy or ReceivePolicy(media=settings.media)
    numbers = count(1)
    with local_services(folder) as services:
        intake = services.intake if blobs is None else replace(services.intake, blobs=blobs)

        async def readiness() -> Readiness:
            return door.readiness

        doors = Doors(
            settings=settings,
            intake=intake,
            receive_mail=partial(receive, intake=intake, policy=policy),
            check_callback=check_callback,
            readiness=readiness,
            new_key=lambda: f"new-{next(numbers)}",
            mailboxes={} if mailboxes is None else mailboxes,
            uploads=None if uploads is None else uploads(intake.blobs),
        )
        has_keys = bool(settings.keys)
        where = serving(build_app(doors), server or ServerSettings(port=0), has_keys=has_keys)
        headers = {"Authorization": f"Bearer {KEY}"} if has_keys else {}
        async with (
            where as address,
            httpx.AsyncClient(base_url=address.url, headers=headers, verify=NO_TLS) as client,
        ):
            door = Door(
                url=address.url, port=address.port, client=client, services=services, doors=doors
            )
            yield door
