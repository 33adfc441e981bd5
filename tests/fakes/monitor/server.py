"""The server: one path, envelopes in, counts out."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, override
from uuid import uuid4

from tests.support.threaded_server import QuietHandler, threaded_server

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
    with threaded_server(partial(_Handler, monitor)) as url:
        monitor.url = url
        yield monitor


class _Handler(QuietHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, monitor: FakeMonitor, *args: Any) -> None:
        self._monitor = monitor
        super().__init__(*args)

    @override
    def respond(self, body: bytes) -> None:
        if self.path != _TRACK:
            self._tell(HTTPStatus.NOT_FOUND, {})
            return
        envelopes = json.loads(body)
        status = self._monitor.take(envelopes)
        accepted = len(envelopes) if status is HTTPStatus.OK else 0
        counts: Json = {"itemsReceived": len(envelopes), "itemsAccepted": accepted, "errors": []}
        self._tell(status, counts)

    def _tell(self, status: HTTPStatus, value: Json) -> None:
        self.answer(status, "application/json", json.dumps(value).encode())
