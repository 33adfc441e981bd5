"""Bytes that arrive in pieces, for parsers that are written as if all of them were there.

A parser is a generator over a `ByteStream`: it asks with ``yield from`` and goes on when enough has
come. `PushParser` drives it. So TNEF and CMS, whose parts all say how long they are, are read in
one pass and never held, and their parsers still read from top to bottom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

type Parsing[T] = Generator[None, None, T]


class MalformedError(ValueError):
    """The bytes are not what the format describes. Not raised by what bytes are handed on to, so
    that a parser which catches it hides no error of ours.
    """


class EndOfBytesError(MalformedError):
    """The bytes end before what was asked for."""


class ByteStream:
    """The bytes that have come and are not used up; `at` counts those that are."""

    def __init__(self) -> None:
        self.at = 0
        self._pieces = bytearray()
        self._ended = False

    def feed(self, data: bytes) -> None:
        """More bytes have come."""
        self._pieces += data

    def end(self) -> None:
        """No more bytes will come."""
        self._ended = True

    def peek(self) -> Parsing[int | None]:
        """The next byte, which stays; None at the end."""
        while not self._pieces and not self._ended:
            yield
        return self._pieces[0] if self._pieces else None

    def take(self, size: int) -> Parsing[bytes]:
        """The next `size` bytes, held until all are here. Raises EndOfBytesError."""
        while len(self._pieces) < size:
            if self._ended:
                raise EndOfBytesError("the bytes end too early")
            yield
        return self._use(size)

    def pass_on(self, size: int | None, sink: Callable[[bytes], None]) -> Parsing[int]:
        """Hand the next `size` bytes (None: all that come) to a sink as they arrive; gives how many
        came before the end.
        """
        passed = 0
        while size is None or passed < size:
            if not self._pieces:
                if self._ended:
                    break
                yield
                continue
            left = len(self._pieces) if size is None else size - passed
            data = self._use(min(left, len(self._pieces)))
            passed += len(data)
            sink(data)
        return passed

    def skip(self, size: int) -> Parsing[int]:
        """Step over the next `size` bytes; gives how many there were before the end."""
        return (yield from self.pass_on(size, lambda _: None))

    def _use(self, size: int) -> bytes:
        data = bytes(self._pieces[:size])
        del self._pieces[:size]
        self.at += size
        return data


class PushParser:
    """Runs a parser as far as the bytes reach. What comes after it has ended is dropped."""

    def __init__(self, parse: Callable[[ByteStream], Parsing[None]]) -> None:
        self._stream = ByteStream()
        self._parsing: Parsing[None] | None = parse(self._stream)

    def feed(self, data: bytes) -> None:
        """Parse more."""
        if self._parsing is not None:
            self._stream.feed(data)
            self._run()

    def close(self) -> None:
        """All has come: the parser sees the end and ends."""
        if self._parsing is not None:
            self._stream.end()
            self._run()

    def _run(self) -> None:
        if self._parsing is None:
            return
        try:
            next(self._parsing)
        except StopIteration:
            self._parsing = None
