"""A connection: the handshake, and its frames to their sessions."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING

from tests.fakes.service_bus.amqp_types import Array, Symbol, Uint, Ushort
from tests.fakes.service_bus.composites import (
    Begin,
    Close,
    Composite,
    End,
    Open,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
)
from tests.fakes.service_bus.errors import ProtocolError
from tests.fakes.service_bus.frames import (
    AMQP_FRAME,
    MAX_FRAME,
    SASL_FRAME,
    SASL_HEADER,
    Frame,
    frame,
    read_frame,
)
from tests.fakes.service_bus.session import Session

if TYPE_CHECKING:
    from tests.fakes.service_bus.broker import Broker
    from tests.fakes.service_bus.errors import RefusedError

_MECHANISMS = Array((Symbol("MSSBCBS"), Symbol("ANONYMOUS"), Symbol("EXTERNAL")))
_IDLE_MS = 240_000


class Connection:
    """One client's socket."""

    def __init__(
        self, broker: Broker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._broker = broker
        self._reader = reader
        self._writer = writer
        self._sessions: dict[int, Session] = {}

    async def run(self) -> None:
        """Serve until the client goes, or sends what is no AMQP."""
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ProtocolError):
                while await self._step():
                    await self._writer.drain()
        finally:
            for session in self._sessions.values():
                session.close()
            self._writer.close()

    def sever(self) -> None:
        """Cut the connection in the middle of whatever it does."""
        self._writer.transport.abort()

    def detach_receivers(self) -> None:
        """Take their links from those who receive, as the faults say."""
        for session in self._sessions.values():
            session.detach_receivers()

    def detach_senders(self, reason: RefusedError) -> None:
        """Take their links from those who send."""
        for session in self._sessions.values():
            session.detach_senders(reason)

    async def _step(self) -> bool:
        """Take the next frame; whether the connection goes on."""
        received = await read_frame(self._reader)
        if self._broker.faults.delay_s:
            await asyncio.sleep(self._broker.faults.delay_s)
        if isinstance(received, bytes):
            self._writer.write(received)
            if received == SASL_HEADER:
                self._send(0, SaslMechanisms(mechanisms=_MECHANISMS), kind=SASL_FRAME)
            return True
        return self._on_frame(received)

    def _on_frame(self, received: Frame) -> bool:
        channel = received.channel
        match received.performative:
            case None:
                pass
            case SaslInit():
                self._send(0, SaslOutcome(), kind=SASL_FRAME)
            case Open():
                self._send(0, _open())
            case Begin() as begin:
                self._begin(channel, begin)
            case End():
                self._end(channel)
            case Close():
                self._send(0, Close())
                return False
            case performative if channel in self._sessions:
                self._sessions[channel].on_frame(performative, received.payload)
            case _:
                raise ProtocolError("a frame for no session")
        return True

    def _begin(self, channel: int, begin: Begin) -> None:
        self._sessions[channel] = Session(self._broker, partial(self._send, channel), begin)
        answer = Begin(
            remote_channel=Ushort(channel),
            next_outgoing_id=Uint(0),
            incoming_window=Uint(0x7FFFFFFF),
            outgoing_window=Uint(0x7FFFFFFF),
        )
        self._send(channel, answer)

    def _end(self, channel: int) -> None:
        if (session := self._sessions.pop(channel, None)) is not None:
            session.close()
        self._send(channel, End())

    def _send(
        self, channel: int, performative: Composite, payload: bytes = b"", kind: int = AMQP_FRAME
    ) -> None:
        if not self._writer.is_closing():
            self._writer.write(frame(channel, performative, payload, kind))


def _open() -> Open:
    return Open(
        container_id="service-bus-fake",
        max_frame_size=Uint(MAX_FRAME),
        channel_max=Ushort(255),
        idle_time_out=Uint(_IDLE_MS),
    )
