"""One request passed on to a server, and its answer passed back, as they are and bit by bit.

Method, path and query stay as they were written, and so do all fields but those that are meant for
one hop only (RFC 9110 section 7.6.1). Host is kept too: what a server says of its own address then
leads back through us.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
    from aiohttp.typedefs import RawHeaders

LONGEST_LINE = (
    64 * 1024
)  # a SAS in a URL or a token in a field is longer than aiohttp's usual 8 KiB

_OF_ONE_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_ADDED_BY_CLIENT = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_ADDED_BY_SERVER = ("Content-Type", "Date", "Server")
_THEIRS = web.ResponseKey("theirs", CIMultiDict[str])
# Less than the servers' own, so that none hangs up just when we send the next request.
_IDLE_S = 1.0


class LostError(Exception):
    """The server could not be reached, or one of the two hung up."""


@asynccontextmanager
async def upstream_session(target_ssl: ssl.SSLContext | None) -> AsyncGenerator[ClientSession]:
    """A client that adds nothing of its own."""
    async with ClientSession(
        connector=TCPConnector(limit=0, ssl=target_ssl or True, keepalive_timeout=_IDLE_S),
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=None),
        auto_decompress=False,
        skip_auto_headers=_ADDED_BY_CLIENT,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
        middlewares=(_never_twice,),
    ) as session:
        yield session


@asynccontextmanager
async def asked(
    session: ClientSession, target: URL, request: web.Request
) -> AsyncGenerator[ClientResponse]:
    """The server's answer to a request. Raises LostError."""
    # The whole request target goes in as a path: parsed, an empty query would be dropped.
    url = URL.build(
        scheme=target.scheme,
        host=target.host or "",
        port=target.port,
        path=request.raw_path,
        encoded=True,
    )
    body = _body(request) if request.body_exists else None
    try:
        async with session.request(
            request.method,
            url,
            headers=_kept(request.raw_headers),
            data=body,
            allow_redirects=False,
        ) as answer:
            yield answer
    except (ClientError, OSError) as exc:
        raise LostError from exc


async def begun(request: web.Request, answer: ClientResponse) -> web.StreamResponse:
    """The answer with its head sent."""
    kept = _kept(answer.raw_headers)
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=kept)
    response[_THEIRS] = kept
    await response.prepare(request)
    return response


async def add_nothing(_request: web.Request, response: web.StreamResponse) -> None:
    """Take out what aiohttp put into the head of a server's answer (a signal of an application)."""
    if (theirs := response.get(_THEIRS)) is not None:
        for name in _ADDED_BY_SERVER:
            if name not in theirs:
                response.headers.pop(name, None)


async def expect_of_server(_request: web.Request) -> None:
    """Leave it to the server whether the body may come (RFC 9110 section 10.1.1)."""


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    # Who expects 100 Continue is read from only when the server has said so itself.
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    async for chunk in request.content.iter_any():
        yield chunk


async def _never_twice(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
    """aiohttp would send some requests again by itself; whoever asks us must learn of the first."""
    try:
        return await send(request)
    except (ClientError, OSError) as exc:
        raise LostError from exc


def _kept(raw: RawHeaders) -> CIMultiDict[str]:
    # The raw ones: aiohttp writes the names of those that it knows in a way of its own.
    fields = [(name.decode("ascii"), text.decode("utf-8", "surrogateescape")) for name, text in raw]
    lists = (text for name, text in fields if name.lower() == "connection")
    named = {name.strip().lower() for text in lists for name in text.split(",")}
    dropped = _OF_ONE_HOP | named
    return CIMultiDict((name, text) for name, text in fields if name.lower() not in dropped)
