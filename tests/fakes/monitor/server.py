"""The server: one path, envelopes in, counts out."""

from __future__ import annotations

import gzip
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, override
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Generator

    type Json = dict[str, Any]

_TRACK = "/v2.1/track"


@dataclass(slots=True)
class FakeMonitor:
    """What came in. `refusals` are the statuses of the next answers, before it is well again.

    Each has a key of its own, as each resource on Azure has: exporters keep by the key, and for
    whoever comes next, what they could not send.
    """

    url: str = ""
    key: str = field(default_factory=lambda: str(uuid4()))
    envelopes: list[Json] = field(default_factory=list[dict[str, Any]])
    refusals: list[HTTPStatus] = field(default_factory=list[HTTPStatus])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def connection_string(self) -> str:
        """What APPLICATIONINSIGHTS_CONNECTION_STRING is to be."""
        return self.connection_string_by(self.url)

    def connection_string_by(self, url: str) -> str:
        """The same, for whoever gets here by another way."""
        return f"InstrumentationKey={self.key};IngestionEndpoint={url}/"

    def of_type(self, base_type: str) -> list[Json]:
        """The envelopes of a type, such as RequestData, RemoteDependencyData, MessageData."""
        with self._lock:
            return [each for each in self.envelopes if each["data"]["baseType"] == base_type]

    def take(self, envelopes: list[Json]) -> HTTPStatus:
        """Keep them, or refuse."""
        with self._lock:
            if self.refusals:
                return self.refusals.pop(0)
            self.envelopes += envelopes
            return HTTPStatus.OK


@contextmanager
def fake_monitor() -> Generator[FakeMonitor]:
    """A running server on 127.0.0.1."""
    monitor = FakeMonitor()
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, monitor))
    monitor.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield monitor
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, monitor: FakeMonitor, *args: Any) -> None:
        self._monitor = monitor
        super().__init__(*args)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path != _TRACK:
            self._answer(HTTPStatus.NOT_FOUND, {})
            return
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        envelopes = json.loads(body)
        status = self._monitor.take(envelopes)
        accepted = len(envelopes) if status is HTTPStatus.OK else 0
        counts: Json = {"itemsReceived": len(envelopes), "itemsAccepted": accepted, "errors": []}
        self._answer(status, counts)

    def _answer(self, status: HTTPStatus, value: Json) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        del format, args
