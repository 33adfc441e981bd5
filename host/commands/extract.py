"""mail-ingest extract: the attachments of a mail, with no server; or the tree of the mail,
explained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from host.terminal import say, say_json
from mail_ingest.explain import explain as explanation_of
from mail_ingest.explain import render_explanation
from mail_ingest.extract import extract as extract_to
from shared.errors import IngestError

if TYPE_CHECKING:
    from pathlib import Path


class FileError(IngestError):
    """A file or folder that was named on the command line cannot be used."""

    def __init__(self, exc: OSError) -> None:
        super().__init__(f"{exc.filename or 'the output folder'}: {exc.strerror or exc}.")


def extract(file: Path, outdir: Path) -> int:
    """Write the attachments into `outdir` and print one JSON object for each. Raises FileError."""
    try:
        for part in extract_to(file, outdir):
            say_json(part)
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise FileError(exc) from exc
    return 0


def explain(file: Path) -> int:
    """Print the tree of the mail, with what is done to each part and why. Raises FileError."""
    try:
        say(render_explanation(explanation_of(file)))
    except OSError as exc:
        raise FileError(exc) from exc
    return 0
