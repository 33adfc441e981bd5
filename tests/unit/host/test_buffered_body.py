"""A body that a host hands over whole reaches the application in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from host.buffered_body import in_pieces

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

PIECE = 256 * 1024


async def pieces(*messages: Message) -> list[Message]:
    """What an application receives, to the end of the body or of the connection."""
    waiting = list(messages)
    received: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        del message

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, send
        while True:
            message = await receive()
            received.append(message)
            if not message.get("more_body", False):
                return

    await in_pieces(app)({}, receive, send)
    return received


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 10 * PIECE, 10 * PIECE + 7])
async def test_a_body_comes_in_pieces_and_none_is_lost(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    received = await pieces({"type": "http.request", "body": body, "more_body": False})
    assert b"".join(message["body"] for message in received) == body
    assert max(len(message["body"]) for message in received) <= PIECE
    assert len(received) == max(1, -(-size // PIECE))


async def test_a_body_that_comes_in_pieces_already_goes_on_to_its_end() -> None:
    received = await pieces(
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"", "more_body": True},
        {"type": "http.request", "body": b"b"},
    )
    assert [message["body"] for message in received] == [b"a", b"", b"b"]


async def test_a_client_that_hangs_up_is_told() -> None:
    received = await pieces(
        {"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}
    )
    assert received[-1] == {"type": "http.disconnect"}
