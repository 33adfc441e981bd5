"""Requests on their way to a describer: lines of JSON, each with the media as an open descriptor.

By a Unix socket the parent hands the file over opened, so that the describer need not be able to
open any. By a pipe, where a script starts a describer, it opens the path of the request.
"""

from __future__ import annotations

import os
import socket
import stat

_LONGEST_LINE = 64 * 1024


def send_request(channel: socket.socket, line: bytes, media: int) -> bytes:
    """Send a line with a descriptor, as much of it as the socket takes; the rest is returned."""
    return line[socket.send_fds(channel, [line], [media]) :]


class RequestReader:
    """Reads what `send_request` sent, or plain lines."""

    def __init__(self, stream: int) -> None:
        self._stream = stream
        self._socket = (
            socket.socket(fileno=os.dup(stream))
            if stat.S_ISSOCK(os.fstat(stream).st_mode)
            else None
        )
        self._waiting = bytearray()
        self._media: list[int] = []

    @property
    def hands_over_media(self) -> bool:
        """Whether files come opened."""
        return self._socket is not None

    def next(self) -> bytes:
        """A line, or as much of it as we take: the rest of a longer one is dropped. Empty: the
        stream is closed.
        """
        while b"\n" not in self._waiting:
            del self._waiting[_LONGEST_LINE:]
            received = self._receive()
            if not received:
                break
            self._waiting += received
        line, end, rest = self._waiting.partition(b"\n")
        self._waiting = rest
        return bytes(line[:_LONGEST_LINE] + end)

    @property
    def media(self) -> int | None:
        """The descriptor that came with the line."""
        return self._media[0] if self._media else None

    def close_media(self) -> None:
        """Let go of it: the line is answered."""
        while self._media:
            os.close(self._media.pop())

    def _receive(self) -> bytes:
        if self._socket is None:
            return os.read(self._stream, _LONGEST_LINE)
        received, media, *_ = socket.recv_fds(self._socket, _LONGEST_LINE, 1)
        self._media += media
        return received
