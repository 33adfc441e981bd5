"""A small HTTP server in threads, on a free port of 127.0.0.1: for clients that block."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, override

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class QuietHandler(BaseHTTPRequestHandler):
    """Reads requests to their end, and logs nothing."""

    def respond(self, body: bytes) -> None:
        """Answer a request, whose body is unpacked."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self.respond(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.respond(body)

    def do_PUT(self) -> None:
        self.do_POST()

    def answer(self, status: int, media_type: str, body: bytes) -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextmanager
def threaded_server(handler: Callable[..., Any]) -> Generator[str]:
    """Serve for as long as the block lasts; the base URL, without a slash at its end."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
