"""Prints docs/configuration.md from the settings' own lines, so that the two cannot differ."""

from __future__ import annotations

import sys
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from describer.settings import DOCUMENTED
from shared.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Configuration

Settings are environment variables, read once at the start. An empty variable is the default. `mail-ingest doctor`
checks them and says what to do. This page is printed from the code (`make docs`).
"""
TABLE = "| setting | unit | default | example | meaning |\n| --- | --- | --- | --- | --- |\n"


def main() -> None:
    """Write the page to standard output."""
    sys.stdout.write(page())


def page() -> str:
    """The whole page."""
    sections = [HEAD]
    for group in fields(Settings):
        kind: Any = group.default_factory
        rows = "".join(_row(each) for each in fields(kind))
        sections.append(f"\n## {_first_sentence(kind.__doc__)}\n\n{TABLE}{rows}")
    rows = "".join(_line(*each) for each in DOCUMENTED)
    sections.append(f"\n## The describer, in its own process\n\n{TABLE}{rows}")
    return "".join(sections)


def _row(each: Field[Any]) -> str:
    about = each.metadata
    default = "" if each.default is MISSING else _text(each.default)
    return _line(about["name"], about["unit"], default, about["example"], about["meaning"])


def _line(name: str, unit: str, default: str, example: str, meaning: str) -> str:
    shown = f"`{default}`" if default else ""
    return f"| `{name}` | {unit} | {shown} | `{example}` | {meaning} |\n"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, tuple):
        return ",".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
    if isinstance(value, Path) and value.is_absolute():
        return str(value.relative_to(ROOT))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _first_sentence(text: str) -> str:
    return text.split("\n", 1)[0].split(". ")[0].rstrip(".")


if __name__ == "__main__":
    main()
