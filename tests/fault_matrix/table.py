"""The cells of the matrix, and how they are printed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from tests.support.cloud.faults import FAULTS, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One fault of one service."""

    service: str
    weather: str
    verdict: Verdict

    def text(self) -> str:
        """What stands in the table."""
        verdict = self.verdict
        if verdict.complaints:
            return f"**{len(verdict.complaints)} wrong**"
        repeated = f", {verdict.repeats} repeated" if verdict.repeats else ""
        return f"all, {verdict.after_s:.0f} s{repeated}"

    def sentence(self) -> str:
        """For whoever waits for the table."""
        verdict = self.verdict
        found = "; ".join(verdict.complaints[:3]) or "nothing lost, nothing twice"
        return (
            f"{self.service} {self.weather}: {found} ({verdict.struck} struck, "
            f"{verdict.tries} sent again, finished after {verdict.after_s:.0f} s)"
        )


def as_table(cells: Sequence[Cell]) -> str:
    """A table in Markdown, then every complaint."""
    lines = [f"| service | {' | '.join(FAULTS)} |", "| --- |" + " --- |" * len(FAULTS)]
    for service, row in groupby(cells, attrgetter("service")):
        texts = {cell.weather: cell.text() for cell in row}
        lines.append(f"| {service} | {' | '.join(texts.get(each, '') for each in FAULTS)} |")
    complaints = [
        f"- {cell.service} {cell.weather}: {complaint}"
        for cell in cells
        for complaint in cell.verdict.complaints
    ]
    return "\n".join([*lines, "", *complaints, ""])
