"""Services that accept every connection and never say a word, as a machine does that hangs."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def black_hole() -> Generator[int]:
    """The port of one: the system accepts for a listener that nobody serves."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield listener.getsockname()[1]


def everything_at(port: int) -> dict[str, str]:
    """The settings of a container all of whose services, its identity too, are at one port."""
    url = f"http://127.0.0.1:{port}"
    return {
        "IDENTITY_ENDPOINT": f"{url}/msi/token",
        "IDENTITY_HEADER": "nobody",
        "MAIL_INGEST_STORAGE_CONNECTION_STRING": (
            f"AccountName=nobody;AccountKey=bm9ib2R5;BlobEndpoint={url}/nobody;"
            f"TableEndpoint={url}/nobody"
        ),
        "ServiceBusConnection": (
            f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=x;SharedAccessKey=y;"
            "UseDevelopmentEmulator=true;"
        ),
        "MAIL_INGEST_EVENT_GRID_URL": f"{url}/api/events",
        "MAIL_INGEST_EVENT_GRID_KEY": "bm9ib2R5",
        "MAIL_INGEST_GRAPH_URL": url,
        "MAIL_INGEST_GRAPH_MAILBOX": "tips@newsroom.example",
        "MAIL_INGEST_FROM_ADDRESS": "tips@newsroom.example",
        "MAIL_INGEST_SCHEDULER_ENDPOINT": url,
    }
