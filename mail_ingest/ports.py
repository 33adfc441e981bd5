"""What the mail side asks of a platform: a mailbox that is read as a queue.

A mailbox has three folders: Inbox, Processed and DeadLetter. A message that lies in the Inbox is
not finished, whatever else a mail program has done to it; filing it away is the last step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shared.ids import submission_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

SOURCE = "mail"  # of the submissions that come by a mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxMessage:
    """A message that waits in the Inbox: seen, not taken.

    `handle` is how the mailbox finds it again (a file name, a Graph ID); only the mailbox reads it.
    `attempts` counts the claims that ended badly, or that a crash cut short.
    """

    handle: str
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A message that is ours until the claim ends or its lifetime is over.

    `handle` is valid only within the claim. `key` is the submission key (`shared.ids.mailbox_key`).
    `attempt` counts from 1, this one included. `received_at` is RFC 3339 in UTC. `size` is 0 where
    the mailbox does not tell. `from_exchange`: see `MailOrigin`.
    """

    handle: str
    key: str
    attempt: int
    received_at: str
    size: int
    from_exchange: bool = False

    @property
    def submission_id(self) -> str:
        """The ID of the submission that the message is."""
        return submission_id(SOURCE, self.key)


class Mailbox(Protocol):
    """A mailbox as a queue. Several readers may share one: a message is claimed by one at a time.
    Each method may raise ServiceUnavailableError or StorageFullError; neither is a mail's fault.
    """

    async def discover(self, *, limit: int) -> Sequence[MailboxMessage]:
        """Up to `limit` messages of the Inbox that nobody holds: those with the fewest attempts
        first, then the oldest, so that a bad mail never stands before the good ones.
        """
        ...

    async def wait(self, timeout_s: float) -> None:
        """Return when new mail may have come, at the latest after `timeout_s`."""
        ...

    async def claim(self, message: MailboxMessage, *, lifetime_s: float) -> Claim | None:
        """Take a message for `lifetime_s`; None when it is gone or another reader holds it. The
        attempt is counted now, so that a mail that kills the process is counted too.
        """
        ...

    async def renew(self, claim: Claim, *, lifetime_s: float) -> Claim | None:
        """Hold the message for `lifetime_s` from now on. What is returned takes the place of
        `claim`; None when the claim has ended, and another reader may hold the message.
        """
        ...

    def read(self, claim: Claim) -> AsyncGenerator[bytes]:
        """The raw message, in chunks of at most 1 MiB."""
        ...

    async def release(self, claim: Claim, *, attempts: int, delay_s: float) -> None:
        """Give a message back with this count of attempts, to be seen again after `delay_s`."""
        ...

    async def file_processed(self, claim: Claim) -> None:
        """Move a message to Processed. Harmless when it is there."""
        ...

    async def dead_letter(self, claim: Claim, *, reason: str, description: str) -> None:
        """Move a message to DeadLetter, with a reason (a word) and a description (a sentence)."""
        ...
