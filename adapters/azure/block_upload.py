"""A blob that is written to Azure as a stream: blocks of 4 MiB, a few under way at a time.

Every request carries the MD5 of what it brings, and the service refuses what does not match. The
blob appears when its block list is committed. Blocks that are never committed are seen by nobody;
Azure drops them with the next commit of the same name, or one week after the last of them came.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import uuid
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any

from adapters.azure.errors import azure_errors_translated, error_code
from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from azure.storage.blob.aio import BlobClient, ContainerClient

SERVICE = "Azure Blob Storage"
_BLOCK_BYTES = 4 * 1024 * 1024
_WHOLE_BYTES = 1024 * 1024  # up to here a blob takes one request; the transport copies no more
_PARALLEL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobFacts:
    """What is kept beside a blob's bytes."""

    content_type: str
    kind: str
    tagged: bool


class BlockUpload:
    """Memory: the blocks under way, and the one that is being filled; 20 MiB at the most."""

    def __init__(self, container: ContainerClient, stored_name: str, facts: BlobFacts) -> None:
        self._container = container
        self._blob: BlobClient = container.get_blob_client(stored_name)
        self._facts = facts
        # Writers of the same name share Azure's list of blocks: the token keeps theirs apart from
        # ours, and tells in the end whose blob it is.
        self._token = uuid.uuid4().hex
        self._buffer = bytearray()
        self._block_ids: list[str] = []
        self._under_way: list[asyncio.Task[None]] = []

    async def write(self, data: bytes | memoryview) -> None:
        """Append bytes. Raises StorageFullError and ServiceUnavailableError, maybe for an earlier
        write.
        """
        rest = memoryview(data).cast("B")
        while rest:
            room = _BLOCK_BYTES - len(self._buffer)
            self._buffer += rest[:room]
            rest = rest[room:]
            if len(self._buffer) == _BLOCK_BYTES:
                await self._send_block()

    async def commit(self, *, only_new: bool = False) -> bool:
        """Make the blob visible; False when it had to be new, and another one is there."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

        condition = {"match_condition": MatchConditions.IfMissing} if only_new else {}
        try:
            await self._commit(condition)
        except (ResourceExistsError, ResourceModifiedError):
            if not only_new:
                raise
            return await self._is_ours()
        return True

    async def abandon(self) -> None:
        """Stop sending; nothing of it becomes visible."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _commit(self, condition: dict[str, Any]) -> None:
        if not self._block_ids and len(self._buffer) <= _WHOLE_BYTES:
            await self._put_whole(condition)
            return
        if self._buffer:
            await self._send_block()
        for task in self._under_way:
            await task
        await self._put_block_list(condition)

    async def _send_block(self) -> None:
        """Start to send the buffer as a block; waits while too many are under way."""
        if len(self._under_way) == _PARALLEL:
            await self._under_way.pop(0)
        content, self._buffer = bytes(self._buffer), bytearray()
        self._block_ids.append(f"{self._token}-{len(self._block_ids):06}")
        sending = self._stage(self._block_ids[-1], content)
        self._under_way.append(asyncio.create_task(sending))

    async def _stage(self, block_id: str, content: bytes) -> None:
        headers = {"Content-MD5": await asyncio.to_thread(_md5, content)}
        await self._write_to_container(
            lambda: self._blob.stage_block(
                block_id, BytesIO(content), length=len(content), headers=dict(headers)
            )
        )

    async def _put_whole(self, condition: dict[str, Any]) -> None:
        content = bytes(self._buffer)
        headers = {"Content-MD5": _md5(content)}
        await self._write_to_container(
            lambda: self._blob.upload_blob(
                content, overwrite=True, headers=dict(headers), **self._kept_beside(), **condition
            )
        )

    async def _put_block_list(self, condition: dict[str, Any]) -> None:
        from azure.core.exceptions import HttpResponseError
        from azure.storage.blob import BlobBlock

        blocks = [BlobBlock(block_id) for block_id in self._block_ids]
        try:
            await self._write_to_container(
                lambda: self._blob.commit_block_list(
                    blocks, validate_content=True, **self._kept_beside(), **condition
                )
            )
        except HttpResponseError as exc:
            if exc.status_code == HTTPStatus.BAD_REQUEST and error_code(exc) == "InvalidBlockList":
                # A writer of the same name has committed meanwhile, which drops everybody's blocks;
                # or they lay there for a week, or the service lost them.
                detail = "blocks of this upload are not there any more"
                raise ServiceUnavailableError(SERVICE, detail) from exc
            raise

    def _kept_beside(self) -> dict[str, Any]:
        from azure.storage.blob import ContentSettings

        facts = self._facts
        return {
            "content_settings": ContentSettings(content_type=facts.content_type),
            "metadata": {"kind": facts.kind, "writer": self._token},
            "tags": {"kind": facts.kind} if facts.tagged else None,
        }

    async def _write_to_container(self, request: Callable[[], Awaitable[object]]) -> None:
        """Send a request that writes; the container is made when it is not there."""
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

        with azure_errors_translated(SERVICE):
            try:
                await request()
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):
                    await self._container.create_container()
                await request()

    async def _is_ours(self) -> bool:
        """Whether the blob that is there is ours: a commit whose answer was lost is sent again."""
        with azure_errors_translated(SERVICE):
            found = await self._blob.get_blob_properties()
        return found.metadata.get("writer") == self._token


def _md5(content: bytes) -> str:
    digest = hashlib.md5(content, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")
