"""Fills the tables of docs/telemetry.md from shared/telemetry.py, so that the two cannot differ."""

from __future__ import annotations

import re
from pathlib import Path

from shared.telemetry import ACTIONS, FIELDS, METRICS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "telemetry.md"


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")


def filled(page: str) -> str:
    """The page with the tables that the code says."""
    metrics = [
        (f"`{name}`", metric.kind.value, metric.unit, ", ".join(metric.dimensions), metric.meaning)
        for name, metric in METRICS.items()
    ]
    tables = {
        "metrics": _table(("metric", "kind", "unit", "dimensions", "meaning"), metrics),
        "actions": _table(("action", "what has happened"), _meanings(ACTIONS)),
        "fields": _table(("field", "what it holds"), _meanings(FIELDS)),
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->\n", "<!-- end -->"
        pattern = f"{re.escape(begin)}.*?{re.escape(end)}"
        text = begin + table + end
        page = re.sub(pattern, lambda _, text=text: text, page, count=1, flags=re.DOTALL)
    return page


def _meanings(names: dict[str, str]) -> list[tuple[str, ...]]:
    return [(f"`{name}`", meaning) for name, meaning in names.items()]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
