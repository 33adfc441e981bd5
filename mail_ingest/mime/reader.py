"""The streaming MIME reader: bytes of one message in, events out; no I/O, constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mail_ingest.mime.journal import Journal, LimitReachedError
from mail_ingest.mime.limits import Limits
from mail_ingest.mime.splitter import Splitter

if TYPE_CHECKING:
    from mail_ingest.mime.events import Event

_DEFAULT_LIMITS = Limits()


class MimeReader:
    """Reads one message (RFC 5322, RFC 2045 to 2049), whole or damaged.

    `feed` it the message in pieces of any size, then `close` it; both give the events that this
    brought. The events, their data joined, do not depend on how the message is cut. No input makes
    it fail: what is wrong with a message is told as defects. Beyond a limit reading stops: every
    open part ends with `Refusal.LIMIT_REACHED`, and a defect names the limit.
    """

    def __init__(self, limits: Limits = _DEFAULT_LIMITS) -> None:
        self._journal = Journal(limits)
        self._splitter = Splitter(self._journal)
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether a limit was reached: nothing more is read."""
        return self._stopped

    def feed(self, data: bytes | memoryview) -> list[Event]:
        """Read the next bytes."""
        if not self._stopped and data:
            try:
                self._splitter.feed(data if isinstance(data, bytes) else bytes(data))
            except LimitReachedError as reached:
                self._stop(reached)
        return self._journal.take()

    def close(self) -> list[Event]:
        """The message is over: everything that is open ends."""
        if not self._stopped:
            try:
                self._splitter.close()
            except LimitReachedError as reached:
                self._stop(reached)
            self._stopped = True
        return self._journal.take()

    def _stop(self, reached: LimitReachedError) -> None:
        self._stopped = True
        self._journal.end_all(reached)
