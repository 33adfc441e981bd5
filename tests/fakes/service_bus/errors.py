"""Why the broker refuses something, in the words of Service Bus."""

from __future__ import annotations

from tests.fakes.service_bus.amqp_types import Symbol
from tests.fakes.service_bus.composites import Error


class ProtocolError(ValueError):
    """Bytes that are no AMQP 1.0, or not in their place."""


class RefusedError(Exception):
    """What was asked is refused: an AMQP condition, a sentence, and HTTP's number for it."""

    def __init__(self, condition: str, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.condition = condition
        self.sentence = sentence
        self.status = status

    def as_error(self) -> Error:
        """For a disposition or a detach."""
        return Error(condition=Symbol(self.condition), description=self.sentence)


def not_found(address: str) -> RefusedError:
    """There is no such queue, topic or subscription."""
    return RefusedError(
        "amqp:not-found", f"The messaging entity '{address}' could not be found.", 404
    )


def lock_lost() -> RefusedError:
    """The lock has ended, or was never given."""
    return RefusedError(
        "com.microsoft:message-lock-lost",
        "The lock supplied is invalid. Either the lock expired, or the message has already been"
        " removed from the queue.",
        410,
    )


def session_lock_lost() -> RefusedError:
    """The lock of a session has ended."""
    return RefusedError(
        "com.microsoft:session-lock-lost", "The lock of the session has expired.", 410
    )


def message_not_found() -> RefusedError:
    """No message has this sequence number, in the state that was asked for."""
    return RefusedError("com.microsoft:message-not-found", "There is no such message.", 404)
