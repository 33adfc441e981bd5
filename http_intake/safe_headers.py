"""Header fields that keep a browser from making more of an answer than it is."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


class SafeHeaders:
    """ASGI middleware: no answer is taken for another type than it says; a page loads nothing, runs
    nothing and stands in no frame. Of the pages only the styles in `pages` are applied.
    """

    def __init__(self, app: ASGIApp, *, pages: tuple[str, ...] = ()) -> None:
        self._app = app
        self._policy = content_security_policy(*pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_to(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, send_safely)

    def _add_to(self, headers: MutableHeaders) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        if headers.get("content-type", "").startswith("text/html"):
            headers["Content-Security-Policy"] = self._policy
            headers["X-Frame-Options"] = "DENY"  # for browsers that know no frame-ancestors
            headers["Referrer-Policy"] = "no-referrer"


def content_security_policy(*pages: str) -> str:
    """The policy for pages without scripts, forms, pictures and links to styles."""
    styles = {_hash(style) for page in pages for style in _STYLE.findall(page)}
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {' '.join(sorted(styles)) or "'none'"}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hash(style: str) -> str:
    digest = hashlib.sha256(style.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
