"""mail-ingest extract: the attachments of a mail, with no server; or the tree of the mail,
explained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from host.terminal import note, say, say_json
from mail_ingest.explain import explain as explanation_of
from mail_ingest.explain import render_explanation
from mail_ingest.extract import extract as extract_to
from mail_ingest.mail_head import HEAD_BYTES, NOT_A_MAIL, begins_like_a_mail
from shared.errors import IngestError

if TYPE_CHECKING:
    from pathlib import Path


class FileError(IngestError):
    """A file or folder that was named on the command line cannot be used."""

    def __init__(self, exc: OSError) -> None:
        super().__init__(f"{exc.filename or 'the output folder'}: {exc.strerror or exc}.")


def extract(file: Path, outdir: Path) -> int:
    """Write the attachments into `outdir` and print one JSON object for each; exit code 1 when the
    file is not a mail. Raises FileError.
    """
    files = 0
    try:
        for files, part in enumerate(extract_to(file, outdir), start=1):  # noqa: B007
            say_json(part)
        if files or _begins_like_a_mail(file):
            return 0
    except BrokenPipeError:
        raise
    except OSError as exc:
        raise FileError(exc) from exc
    note(f"{file}: {NOT_A_MAIL}")
    return 1


def explain(file: Path) -> int:
    """Print the tree of the mail, with what is done to each part and why. Raises FileError."""
    try:
        if not _begins_like_a_mail(file):
            note(f"{file}: {NOT_A_MAIL}")
        say(render_explanation(explanation_of(file)))
    except OSError as exc:
        raise FileError(exc) from exc
    return 0


def _begins_like_a_mail(file: Path) -> bool:
    with file.open("rb") as opened:
        return begins_like_a_mail(opened.read(HEAD_BYTES))
