"""Frames and protocol headers (part 2 section 2.3): what flows on the socket."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tests.fakes.service_bus.composites import Composite, composed
from tests.fakes.service_bus.decoding import Reader
from tests.fakes.service_bus.encoding import encode
from tests.fakes.service_bus.errors import ProtocolError

if TYPE_CHECKING:
    from asyncio import StreamReader

AMQP_FRAME, SASL_FRAME = 0, 1
AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
MAX_FRAME = 65_536
_LARGEST = 1 << 20  # no client of ours is told of more than MAX_FRAME


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame; `performative` is None for an empty one, which only keeps the connection alive."""

    channel: int
    performative: Composite | None
    payload: bytes = b""


async def read_frame(reader: StreamReader) -> Frame | bytes:
    """The next frame, or a protocol header. Raises IncompleteReadError at the end of the stream,
    ProtocolError for what is no AMQP.
    """
    head = await reader.readexactly(8)
    if head.startswith(b"AMQP"):
        return head
    size, offset, _, channel = struct.unpack(">IBBH", head)
    if not 8 <= size <= _LARGEST or offset < 2:
        raise ProtocolError(f"a frame of {size} bytes")
    body = Reader((await reader.readexactly(size - 8))[4 * offset - 8 :])
    if body.at_end:
        return Frame(channel, None)
    performative = composed(body.value())
    if not isinstance(performative, Composite):
        raise ProtocolError("the frame has no performative that we know")
    return Frame(channel, performative, body.rest())


def frame(
    channel: int, performative: Composite, payload: bytes = b"", kind: int = AMQP_FRAME
) -> bytes:
    """A frame as bytes."""
    described = cast("Any", performative.described())
    body = encode(described) + payload
    return struct.pack(">IBBH", 8 + len(body), 2, kind, channel) + body
