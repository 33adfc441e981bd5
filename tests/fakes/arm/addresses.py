"""Where clients see the fake, also from behind a proxy that speaks TLS for it."""

from __future__ import annotations

from aiohttp import web
from yarl import URL

SCHEME = web.AppKey("scheme", str)


def public_url(request: web.Request) -> URL:
    """The URL of a request as its client wrote it."""
    return request.url.with_scheme(request.app[SCHEME])
