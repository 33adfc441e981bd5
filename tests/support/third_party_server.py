"""A description service on 127.0.0.1 that answers as told: well, slowly, wrongly or later."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, override

from tests.support.threaded_server import QuietHandler, threaded_server

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

GOOD: dict[str, Any] = {
    "model": {"id": "acme-vision", "version": "7"},
    "caption": {"text": "A cat on a sofa.", "confidence": 0.9},
    "labels": [{"name": "cat", "confidence": 0.97}, {"name": "sofa", "confidence": 0.5}],
    "objects": [{"name": "Person", "confidence": 0.8, "box": [0.1, 0.2, 0.3, 0.4]}],
    "faces": [{}, {}],
    "text": [{"text": "EXIT", "confidence": 0.99}],
    "safety": {"adult": 0.01},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. `drip_s` is the pause after each byte of the body, `wait_s` before the answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    wait_s: float = 0.0
    drip_s: float = 0.0
    hang_up: bool = False


def json_reply(value: object, status: int = 200, **headers: str) -> Reply:
    """An answer in JSON; the underscores of header names become hyphens."""
    return Reply(
        status=status,
        body=json.dumps(value).encode(),
        headers={name.replace("_", "-"): text for name, text in headers.items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class ThirdPartyServer:
    """Answers requests with its replies in order; the last one stays."""

    replies: list[Reply]
    url: str = ""
    seen: list[Seen] = field(default_factory=list[Seen])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next_reply(self, request: Seen) -> Reply:
        """Note a request, and take the reply whose turn it is."""
        with self._lock:
            self.seen.append(request)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def third_party_server(*replies: Reply) -> Generator[ThirdPartyServer]:
    """A running server; ``{url}`` in a header of a reply becomes its own URL."""
    service = ThirdPartyServer(list(replies))
    with threaded_server(partial(_Handler, service=service)) as url:
        service.url = f"{url}/describe"
        yield service


class _Handler(QuietHandler):
    def __init__(self, *args: Any, service: ThirdPartyServer) -> None:
        self._service = service
        super().__init__(*args)

    @override
    def respond(self, body: bytes) -> None:
        headers = {name.lower(): text for name, text in self.headers.items()}
        request = Seen(method=self.command, path=self.path, headers=headers, body=body)
        reply = self._service.next_reply(request)
        time.sleep(reply.wait_s)
        self.close_connection = True
        if reply.hang_up:
            return
        try:
            self._send(reply, self._service.url)
        except OSError:
            return  # the client has lost its patience

    def _send(self, reply: Reply, url: str) -> None:
        self.send_response(reply.status)
        for name, text in reply.headers.items():
            self.send_header(name, text.replace("{url}", url))
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        step = 1 if reply.drip_s else max(1, len(reply.body))
        for start in range(0, len(reply.body), step):
            self.wfile.write(reply.body[start : start + step])
            time.sleep(reply.drip_s)
