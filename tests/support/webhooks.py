"""A receiver of webhooks that writes down what comes, and verifies nothing."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, override

if TYPE_CHECKING:
    from collections.abc import Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: header fields by their small name, and the body."""

    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Webhooks:
    """Where webhooks are received, and every call that came."""

    url: str
    calls: list[Call] = field(default_factory=list[Call])


@contextmanager
def receiving_webhooks() -> Generator[Webhooks]:
    """Receive webhooks for as long as the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    webhooks = Webhooks(f"http://127.0.0.1:{server.server_address[1]}/hook")
    _Handler.received = webhooks
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield webhooks
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    received: Webhooks

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.received.calls.append(Call(headers=headers, body=body))
        self.send_response(204)
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        del format, args
