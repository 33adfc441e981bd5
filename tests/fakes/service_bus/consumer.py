"""Who takes messages out of a queue, as the queue sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tests.fakes.service_bus.messages import Message


class Consumer(Protocol):
    """A link that takes messages while it has credit."""

    credit: int
    session_id: str | None

    @property
    def deletes(self) -> bool:
        """Whether a message is gone when it is delivered (receive-and-delete)."""
        ...

    def deliver(self, message: Message) -> None:
        """Send a message to the client."""
        ...

    def lose_session(self) -> None:
        """The session's lock has ended."""
        ...
