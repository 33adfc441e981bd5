"""HTTP byte by byte, for what no client library would send."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back until the connection was closed."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class RawConnection:
    """A TCP connection to the door."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> RawAnswer:
        """Read to the end of the connection."""
        head, _, body = (await self.reader.read()).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        return RawAnswer(int(first.split()[1]), headers, body)

    def reset(self) -> None:
        """Hang up, at once and without a word."""
        self.writer.transport.abort()


@asynccontextmanager
async def connected(port: int) -> AsyncGenerator[RawConnection]:
    """A connection to 127.0.0.1; closed at the end, if it is still open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield RawConnection(reader, writer)
    finally:
        writer.transport.abort()


def head(method: str, path: str, **fields: str) -> bytes:
    """The head of a request; field names are written with underscores for hyphens."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    text = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""])
    return text.encode("ascii")


def form_part(name: str, content: bytes, file_name: str | None = None) -> bytes:
    """A part of a form with the boundary ``b``, without the boundary after it."""
    disposition = f'form-data; name="{name}"'
    if file_name is not None:
        disposition += f'; filename="{file_name}"'
    return f"--b\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


FORM_END = b"--b--\r\n"
FORM_TYPE = "multipart/form-data; boundary=b"
