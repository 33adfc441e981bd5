"""Who may look names up: a look-up blocks its thread for as long as a name server keeps silent, so
none may run in the thread pool that the whole program shares, for a name that a stranger chose.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("host", "adapters", "http_intake", "mail_ingest", "describer", "shared")
LOOK_UPS = frozenset(
    {
        "getaddrinfo",
        "gethostbyname",
        "gethostbyname_ex",
        "gethostbyaddr",
        "getnameinfo",
        "getfqdn",
        "create_connection",
        "open_connection",
        "urlopen",
        "HTTPConnection",
        "HTTPSConnection",
        "SMTP",
        "SMTP_SSL",
        "AsyncClient",
        "Client",
        "AsyncConnectionPool",
        "ConnectionPool",
        "connect_tcp",
        "ClientSession",
    }
)
"""What looks a name up when it is called, or makes what does so."""
ALLOWED = {
    "adapters/web/name_lookup.py getaddrinfo": "a thread of its own, bounded; the way for all",
    "adapters/web/webhook.py AsyncConnectionPool": "is given addresses that were looked up before",
    "adapters/web/bounded_connection.py connect_tcp": "the same call, passed on",
    "adapters/local/smtp_sender.py SMTP": "the operator's server, in threads of its own",
    "adapters/local/smtp_sender.py SMTP_SSL": "the operator's server, in threads of its own",
    "adapters/azure/graph_client.py AsyncClient": "Microsoft Graph, or where the operator says",
    "describer/transfer.py Client": "blob URLs of our own store, in a process that does but this",
    "describer/providers/exchange.py Client": "the operator's provider, in the same process",
    "host/commands/doctor.py create_connection": "a command that a person waits for",
    "host/demo/sending.py SMTP": "the demo's own server on 127.0.0.1",
    "host/demo/sending.py AsyncClient": "the demo's own server on 127.0.0.1",
}


def calls(source: str) -> frozenset[str]:
    """The names of what is called, or handed to somebody who calls it, that look names up."""
    used = [
        each
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        for each in (node.func, *node.args, *(keyword.value for keyword in node.keywords))
    ]
    names = {each.attr for each in used if isinstance(each, ast.Attribute)}
    return LOOK_UPS & (names | {each.id for each in used if isinstance(each, ast.Name)})


def test_nothing_looks_names_up_but_what_is_listed_with_its_reason() -> None:
    found = {
        f"{file.relative_to(ROOT).as_posix()} {name}"
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        for name in calls(file.read_text("utf-8"))
    }
    assert found == set(ALLOWED), (
        "Look names up with adapters.web.name_lookup.NameLookup, in threads of its own and in"
        " bounded time; or, for a host that only the operator names, list the call here."
    )


@pytest.mark.parametrize(
    "source",
    [
        "import socket\nsocket.getaddrinfo('a', 1)",
        "import asyncio, socket\nasyncio.to_thread(socket.gethostbyname, 'a')",
        "from socket import create_connection\ncreate_connection(('a', 1))",
        "import httpx\nhttpx.AsyncClient()",
        "loop.getaddrinfo('a', 1)",
    ],
)
def test_a_look_up_is_seen_however_it_is_written(source: str) -> None:
    assert calls(source)
