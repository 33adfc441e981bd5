"""A receiver of webhooks that writes down what comes, and verifies nothing."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, override

from tests.support.threaded_server import QuietHandler, threaded_server

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

    url: str = ""
    calls: list[Call] = field(default_factory=list[Call])


@contextmanager
def receiving_webhooks() -> Generator[Webhooks]:
    """Receive webhooks for as long as the block lasts."""
    webhooks = Webhooks()
    with threaded_server(partial(_Handler, webhooks)) as url:
        webhooks.url = f"{url}/hook"
        yield webhooks


class _Handler(QuietHandler):
    def __init__(self, webhooks: Webhooks, *args: Any) -> None:
        self._webhooks = webhooks
        super().__init__(*args)

    @override
    def respond(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._webhooks.calls.append(Call(headers=headers, body=body))
        self.send_response(204)
        self.end_headers()
