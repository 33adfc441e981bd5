"""A web application of aiohttp on a free port of 127.0.0.1."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def web_server(app: web.Application) -> AsyncGenerator[str]:
    """Serve it for as long as the block lasts; the base URL, without a slash at its end."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
