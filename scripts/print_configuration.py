"""Prints docs/configuration.md from the settings' own lines, so that the two cannot differ."""

from __future__ import annotations

import sys
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, cast

from shared.settings import Settings
from shared.settings.azure import AzureSettings

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Configuration

Settings are environment variables, read once at the start. An empty variable is the default.
`mail-ingest doctor` checks them and says what to do. This page is printed from the code.
"""
DESCRIBER = (
    ("DESCRIBER", "name", "local_models", "third_party", "Who describes."),
    ("MAX_PIXELS", "pixels", "100000000", "64000000", "The largest picture that is opened."),
    ("DESCRIBER_MEMORY_MB", "MB", "4096", "2048", "Address space of a describer; 0: no limit."),
    ("OCR", "yes or no", "0", "1", "Read text in photos; needs the extra `ocr`."),
    ("THIRD_PARTY_URL", "URL", "", "https://vision.example/v1", "The description service."),
    ("THIRD_PARTY_KEY", "secret", "", "...", "Its key."),
    (
        "THIRD_PARTY_AUTH",
        "none, bearer or header:NAME",
        "bearer",
        "header:Ocp-Apim-Subscription-Key",
        "How the key is sent.",
    ),
    ("THIRD_PARTY_MODE", "bytes or url", "bytes", "url", "Send the media, or where it lies."),
    (
        "THIRD_PARTY_MAPPING",
        "name or file",
        "plain",
        "google-vision",
        "How its answer is read: a file of describer/providers/mappings, or one of your own.",
    ),
    ("THIRD_PARTY_TIMEOUT_S", "seconds", "30", "10", "The longest single exchange."),
    ("THIRD_PARTY_DEADLINE_S", "seconds", "300", "600", "The whole description, with polling."),
    ("THIRD_PARTY_POLL_S", "seconds", "2", "5", "The pause between two polls."),
    ("THIRD_PARTY_MAX_ANSWER_BYTES", "bytes", "8000000", "2000000", "The longest answer."),
    (
        "THIRD_PARTY_ALLOW_LOOPBACK_HTTP",
        "yes or no",
        "0",
        "1",
        "Allow plain HTTP to a service on this machine.",
    ),
)
TABLE = "| setting | unit | default | example | meaning |\n| --- | --- | --- | --- | --- |\n"


def main() -> None:
    """Write the page to standard output."""
    sys.stdout.write(page())


def page() -> str:
    """The whole page."""
    sections = [HEAD]
    for settings in (Settings, AzureSettings):
        for group in fields(settings):
            kind: Any = group.default_factory
            rows = "".join(_row(each) for each in fields(kind))
            sections.append(f"\n## {_first_sentence(kind.__doc__)}\n\n{TABLE}{rows}")
    rows = "".join(_line(f"MAIL_INGEST_{name}", *rest) for name, *rest in DESCRIBER)
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
        return ",".join(map(_text, cast("tuple[object, ...]", value)))
    if isinstance(value, Path) and value.is_absolute():
        return str(value.relative_to(ROOT))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _first_sentence(text: str) -> str:
    return text.split("\n", 1)[0].split(". ")[0].rstrip(".")


if __name__ == "__main__":
    main()
