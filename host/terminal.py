"""What commands print: plain lines and JSON lines on standard output, tables for people."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import to_builtins

from shared.codec import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence


def say(line: str = "") -> None:
    """Print a line for people."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def note(line: str) -> None:
    """Print a line for people beside the output that a program may read."""
    sys.stderr.write(f"{line}\n")


def say_json(value: object) -> None:
    """Print one JSON object on a line of its own, for programs. A file name that is not UTF-8 has
    its bytes as escaped surrogates, which os.fsencode turns back.
    """
    try:
        line = to_json(value).decode("utf-8")
    except UnicodeEncodeError:
        line = json.dumps(to_builtins(value))
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; as wide as the terminal, or 160 columns where there is none."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_lines=True)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(_printable(cell)) for cell in row))
    width = None if sys.stdout.isatty() else 160
    Console(file=sys.stdout, width=width).print(table)


def _printable(text: str) -> str:
    """Text of strangers, without what could move a terminal's cursor."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


@contextmanager
def progress(what: str, total: float | None) -> Generator[Callable[..., None]]:
    """A progress bar for people; gives a function that moves it on. `total` is None where nobody
    knows it. Off a terminal: plain lines.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task(what, total=total)

        def step(by: float = 1) -> None:
            bar.advance(task, by)

        yield step
