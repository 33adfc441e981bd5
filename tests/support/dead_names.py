"""Host names whose name server never answers: the system's resolver hangs on them."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

DEAD_ZONE = ".dead.example"


@dataclass
class DeadNames:
    """Hangs on every name of the dead zone until `release`; other names have one address."""

    asked: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def resolve(self, host: str, _port: int) -> Sequence[str]:
        """Look a name up, as the system's resolver does: in the thread that asks."""
        self.asked.append(host)
        if host.endswith(DEAD_ZONE):
            self.release.wait()
        self.answered.append(host)
        return ("127.0.0.1",)


@contextmanager
def dead_names() -> Generator[DeadNames]:
    """The name servers of the dead zone are dead for as long as the block lasts, for the whole
    process.
    """
    names, real = DeadNames(), socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if isinstance(host, str) and host.endswith(DEAD_ZONE):
            names.resolve(host, 0)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, port, *args, **options)

    socket.getaddrinfo = getaddrinfo
    try:
        yield names
    finally:
        names.release.set()
        socket.getaddrinfo = real
