"""What a Graph mailbox must remember between calls and share between processes: a port of its own.

Only what waits is remembered: a finished mail is forgotten, and should its ID come again, a look
at the folder that the mail lies in tells that nothing is to be done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenMail:
    """A mail that was seen in the Inbox. `received_at` is RFC 3339 in UTC, to the second."""

    graph_id: str
    message_id: str
    received_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingMail:
    """A mail that is not finished, as of `version`. It is free from `not_before` on (seconds since
    1970).
    """

    mail: SeenMail
    attempts: int = 0
    not_before: float = 0.0
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The one right to look for new mail, as of `version`, and how far the last look came.

    `link` is a nextLink or a deltaLink, empty for a start over; `swept_at` is when the whole Inbox
    was last listed (seconds since 1970).
    """

    link: str = ""
    swept_at: float = 0.0
    version: str = ""


class MailboxState(Protocol):
    """The memory of one mailbox. Writes are durable on return; those that take a value with a
    `version` do nothing, and give None, when somebody else wrote meanwhile. Raises
    ServiceUnavailableError.
    """

    async def add(self, mails: Sequence[SeenMail]) -> None:
        """Remember mails; those that are known stay as they are."""
        ...

    async def waiting(self, *, now: float, limit: int) -> Sequence[WaitingMail]:
        """Up to `limit` mails that are free: those with the fewest attempts first, then the
        oldest.
        """
        ...

    async def hold(
        self, waiting: WaitingMail, *, attempts: int, not_before: float
    ) -> WaitingMail | None:
        """Nobody gets this mail before `not_before`."""
        ...

    async def forget(self, mail: SeenMail) -> None:
        """The mail is finished. Harmless when it is forgotten."""
        ...

    async def take_watch(self, *, now: float, until: float) -> Watch | None:
        """Take the right to look until `until`; None when somebody has it."""
        ...

    async def keep_watch(
        self, watch: Watch, *, link: str, swept_at: float, until: float
    ) -> Watch | None:
        """Note how far the look came, and keep the right until `until` (0: give it back)."""
        ...
