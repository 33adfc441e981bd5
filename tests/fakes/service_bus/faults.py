"""What goes wrong at the broker because a test wants it.

- THROTTLING: whatever is asked for is refused with server-busy, and who receives is sent away.
- WRONG: every other link is refused, and so is all that is asked for on the others, with conditions
  that there is no reason for; every other time it was done, and nobody can know. Who receives goes
  on to do so.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING

from tests.fakes.service_bus.errors import RefusedError
from tests.support.weather.kinds import Weather

if TYPE_CHECKING:
    from collections.abc import Generator

_BUSY = (
    "com.microsoft:server-busy",
    "The request was terminated because the entity is being throttled. Error code : 50009. Please"
    " wait 2 seconds and try again.",
    503,
)
_MISTAKES = (
    ("amqp:internal-error", "The service was unable to process the request.", 500),
    ("com.microsoft:timeout", "The operation did not complete within the allotted time.", 408),
    ("amqp:not-found", "The messaging entity could not be found.", 404),
    ("amqp:unauthorized-access", "Unauthorized access. 'Send' claims are required.", 401),
)


class Faults:
    """What goes wrong until it is taken back. `struck` counts what was refused."""

    def __init__(self) -> None:
        self.delay_s = 0.0  # before each frame is looked at
        self.refuse_with = ""  # a condition, whatever the weather
        self.weather = Weather.WELL  # or THROTTLING, or WRONG
        self.struck = 0
        self._mistakes = cycle(_MISTAKES)
        self._is_given = cycle((True, False))
        self._is_done = cycle((False, True))

    def refusal(self) -> RefusedError | None:
        """Why what is asked for is refused, if it is."""
        if self.refuse_with:
            return self._refused(self.refuse_with, "Told to by a test.", 503)
        match self.weather:
            case Weather.THROTTLING:
                return self._refused(*_BUSY)
            case Weather.WRONG:
                return self._refused(*next(self._mistakes))
            case _:
                return None

    def check_link(self) -> None:
        """Raises RefusedError when a link is not given."""
        if self.weather is Weather.WRONG and next(self._is_given):
            return
        if (refusal := self.refusal()) is not None:
            raise refusal

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Do what is asked for in the block, if it is not refused. Raises RefusedError."""
        refusal = self.refusal()
        if refusal is None:
            yield
            return
        if self.weather is Weather.WRONG and next(self._is_done):
            yield
        raise refusal

    def _refused(self, condition: str, sentence: str, status: int) -> RefusedError:
        self.struck += 1
        return RefusedError(condition, sentence, status)
