"""The attachments of one mail into a folder, at the speed of the machine: `mail-ingest extract`.

Two stages: one thread reads, splits and decodes, another hashes and writes. Not here: which of the
files are photos and videos (`mail_ingest.attachments`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from mail_ingest.file_names import safe_name
from mail_ingest.mime.events import Container, PartData, PartEnded, PartStarted, Refusal
from mail_ingest.mime.limits import Limits
from mail_ingest.mime.reader import MimeReader
from mail_ingest.two_stages import in_two_stages

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from io import BufferedWriter, FileIO

    from mail_ingest.mime.events import Event, Part

CHUNK_BYTES = 160 * 1024  # larger ones leave the cache, and cost page faults at every allocation
_WORTH_A_THREAD = 2_000_000  # bytes of a mail; a smaller one is done before a thread is up
_DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedPart:
    """One file that was written: what the mail says of it, and where it lies (`path`)."""

    filename: str
    content_type: str
    size: int
    sha256: str
    disposition: str
    path: str


def extract(file: Path, outdir: Path, limits: Limits = _DEFAULT_LIMITS) -> Generator[ExtractedPart]:
    """Write every attachment of the mail in `file` into `outdir`, which is made if missing.

    Files get safe names of their own and replace nothing. Raises OSError; a file that could not be
    written as a whole is removed.
    """
    outdir.mkdir(parents=True, exist_ok=True)
    with closing(Folder(outdir)) as folder:
        yield from extract_into(folder, file, limits)


def extract_into(folder: Folder, file: Path, limits: Limits) -> Iterator[ExtractedPart]:
    """The same into a folder that is there. Raises OSError."""
    with file.open("rb", buffering=0) as raw:
        batches = events_of(raw, limits)
        if file.stat().st_size < _WORTH_A_THREAD:
            yield from chain.from_iterable(map(folder.take, batches))
        else:
            yield from in_two_stages(batches, folder.take)


def events_of(raw: FileIO, limits: Limits) -> Iterator[list[Event]]:
    """The events of the mail in an unbuffered file, chunk by chunk."""
    reader = MimeReader(limits)
    while not reader.stopped and (chunk := raw.read(CHUNK_BYTES)):
        yield reader.feed(chunk)
    yield reader.close()


def is_file(part: Part) -> bool:
    """Whether a part is a file: a leaf with a name, or sent as an attachment, or no text."""
    if part.is_container or part.container is Container.SUN_ATTACHMENT:
        return False
    if part.refusal is Refusal.EXTERNAL_BODY:
        return False  # it is not there, it is only named
    if part.file_name or part.disposition == "attachment":
        return True
    return not part.media_type.startswith(("text/", "multipart/", "message/"))


class Folder:
    """Writes the files of one mail into a folder. Holds at most one file per level of nesting."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: dict[Part, _File] = {}
        self._names: Counter[str] = Counter()

    def take(self, events: Iterable[Event]) -> list[ExtractedPart]:
        """Do what the events say; gives the files that are complete now."""
        complete: list[ExtractedPart] = []
        for event in events:
            match event:
                case PartStarted(part) if is_file(part):
                    self._open[part] = _File(self._create(part))
                case PartData(part, data) if part in self._open:
                    self._open[part].write(data)
                case PartEnded(part, size, _, _, final) if part in self._open:
                    complete.append(self._end(self._open.pop(part), part, size, final))
                case _:
                    pass
        return complete

    def close(self) -> None:
        """Remove what is not complete."""
        for file in self._open.values():
            file.remove()
        self._open.clear()

    def _end(self, file: _File, part: Part, size: int, final: Part) -> ExtractedPart:
        if final.file_name == part.file_name:
            return file.end(final, size)
        ended = file.end(final, size)
        with self._create(final) as place:  # taken, so that nothing is replaced
            renamed = Path(ended.path).replace(place.name)
        return replace(ended, path=str(renamed))

    def _create(self, part: Part) -> BufferedWriter:
        name = self._path / safe_name(part.file_name, part.media_type)
        while True:
            self._names[name.name] += 1
            number = self._names[name.name]
            suffix = f"-{number}" if number > 1 else ""
            try:
                return name.with_stem(f"{name.stem}{suffix}").open("xb")
            except FileExistsError:
                continue


class _File:
    """A file that is being written."""

    def __init__(self, out: BufferedWriter) -> None:
        self._out = out
        self._sha256 = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._sha256.update(data)
        self._out.write(data)

    def end(self, part: Part, size: int) -> ExtractedPart:
        self._out.close()
        return ExtractedPart(
            filename=part.file_name,
            content_type=part.media_type,
            size=size,
            sha256=self._sha256.hexdigest(),
            disposition=part.disposition,
            path=str(self._out.name),
        )

    def remove(self) -> None:
        with suppress(OSError):
            self._out.close()
        Path(self._out.name).unlink(missing_ok=True)
