"""Clocks that a test moves by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self, override

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    import pytest

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class ManualClock:
    """Stands still at `moment` until it is moved."""

    def __init__(self, moment: datetime = START) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """The time that the test says it is."""
        return self.moment

    def advance(self, *, days: float = 0, hours: float = 0, seconds: float = 0) -> None:
        """Let time pass."""
        self.moment += timedelta(days=days, hours=hours, seconds=seconds)


class MachineClock:
    """The machine's clock for some modules that read it by themselves; it goes on, and `set_by`
    sets it ahead or back.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, modules: Iterable[str]) -> None:
        self._ahead = timedelta(0)
        clock = self

        class Shifted(datetime):
            @override
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return super().now(tz) + clock._ahead

        for module in modules:
            monkeypatch.setattr(f"{module}.datetime", Shifted)

    def set_by(self, *, hours: float) -> None:
        """Set it ahead, or back when `hours` are negative."""
        self._ahead += timedelta(hours=hours)
