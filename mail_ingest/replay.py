"""Stored mails through `receive` again: files, folders with all below them, mbox files.

The key of a mail is the SHA-256 of its bytes, so the same mail is taken once however often and from
wherever it is replayed, unless a run label asks for it again. One bad file does not stop the rest.
Nobody is answered unless the run asks for it: stored mails are mostly old ones.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from mail_ingest import mbox
from mail_ingest.mail_head import HEAD_BYTES, NOT_A_MAIL, begins_like_a_mail
from mail_ingest.receive import MailOrigin, preview, receive
from shared.errors import AccessRefusedError, IngestError
from shared.events import rfc3339
from shared.ids import blob_prefix, replay_key
from shared.intake import Accepted, record_name

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Iterable,
        Iterator,
    )
    from pathlib import Path

    from mail_ingest.receive import ReceivePolicy
    from shared.intake import Intake
    from shared.ports import BlobStore, Clock

    type Take = Callable[[AsyncIterator[bytes], MailOrigin], Awaitable[Accepted]]

SOURCE = "replay"
_CHUNK_BYTES = 256 * 1024
_MAIL_SUFFIXES = frozenset({".eml", ".mbox", ".mbx", ""})
_MAILDIR_FOLDERS = frozenset({"cur", "new"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMail:
    """A mail in a file. `start` is where it begins in an mbox file, None if it is a whole file."""

    path: Path
    size: int
    sha256: str
    start: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How one mail, or a file that could not be read, fared; `problem` is a sentence. `is_mail`
    False: the file was skipped.
    """

    path: Path
    mail: StoredMail | None = None
    accepted: Accepted | None = None
    problem: str = ""
    is_mail: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A run over stored mails. `run_label` makes mails of it new that were taken before. `answer`:
    their senders are answered, as far as the screen and the age of a mail allow it.
    """

    intake: Intake
    policy: ReceivePolicy
    run_label: str = ""
    concurrency: int = 8
    answer: bool = False

    async def run(
        self, files: Iterable[Path], *, on_read: Callable[[int], None] = lambda _: None
    ) -> AsyncGenerator[Replayed]:
        """Take the mails in `files` (see `mail_files`); a result each, in the order they finish.

        `on_read` gets how many bytes were read since it was called last. Only mistakes of ours
        and a right that we lack (AccessRefusedError) raise; a file or a mail that cannot be taken
        is a result with a problem.
        """

        async def take(chunks: AsyncIterator[bytes], origin: MailOrigin) -> Accepted:
            return await receive(chunks, origin=origin, intake=self.intake, policy=self.policy)

        run = _Run(
            clock=self.intake.clock, run_label=self.run_label, answer=self.answer, on_read=on_read
        )
        async with aclosing(run.over(files, take, self.concurrency)) as results:
            async for result in results:
                yield result


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What a replay would do, without doing it. `scratch` is for what is read, and is left empty;
    `known` is where mails lie that were taken before, if there is such a place.
    """

    scratch: BlobStore
    known: BlobStore | None
    clock: Clock
    policy: ReceivePolicy
    run_label: str = ""
    answer: bool = False

    async def run(
        self, files: Iterable[Path], *, on_read: Callable[[int], None] = lambda _: None
    ) -> AsyncGenerator[Replayed]:
        """See `Replay.run`. `accepted` is what would be recorded, and whether it would be new."""
        run = _Run(clock=self.clock, run_label=self.run_label, answer=self.answer, on_read=on_read)
        async with aclosing(run.over(files, self._look, 1)) as results:
            async for result in results:
                yield result

    async def _look(self, chunks: AsyncIterator[bytes], origin: MailOrigin) -> Accepted:
        name = record_name(origin.submission_id)
        was_taken = self.known is not None and await self.known.exists(name)
        try:
            submission = await preview(
                chunks,
                origin=origin,
                blobs=self.scratch,
                now=self.clock.now(),
                policy=self.policy,
            )
        finally:
            await self.scratch.delete_prefix(blob_prefix(origin.submission_id))
        return Accepted(submission=submission, first=not was_taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One run, whatever it does with a mail."""

    clock: Clock
    run_label: str
    answer: bool
    on_read: Callable[[int], None]

    async def over(
        self, files: Iterable[Path], take: Take, concurrency: int
    ) -> AsyncGenerator[Replayed]:
        """A result for each mail, in the order they finish."""
        running: set[asyncio.Task[Replayed]] = set()
        try:
            async for found in _stored_mails(files):
                running.add(asyncio.create_task(self._take(found, take)))
                if len(running) >= concurrency:
                    done, running = await asyncio.wait(running, return_when="FIRST_COMPLETED")
                    for task in done:
                        yield task.result()
            for task in asyncio.as_completed(running):
                yield await task
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _take(self, found: StoredMail | Replayed, take: Take) -> Replayed:
        if isinstance(found, Replayed):
            return found
        origin = MailOrigin(
            source=SOURCE,
            key=replay_key(found.sha256, self.run_label),
            received_at=rfc3339(self.clock.now()),
            answer=self.answer,
        )
        if not found.size:
            return Replayed(path=found.path, mail=found, problem="The file is empty.")
        chunks = _told(_chunks(found), self.on_read)
        try:
            accepted = await take(chunks, origin)
        except AccessRefusedError:
            raise  # it would be said of each mail, and a person is there to mend it
        except (IngestError, OSError) as exc:
            return Replayed(path=found.path, mail=found, problem=_sentence(exc))
        return Replayed(path=found.path, mail=found, accepted=accepted)


def mail_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that hold mails: those named, and in named folders those that look like it.

    In a folder that is ``*.eml``, ``*.mbox``, files without a suffix, and everything in a Maildir's
    ``cur`` and ``new``; links to folders are not followed. A path that does not exist is given back
    as it is, to be a problem in the results.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        yield from sorted(file for file in path.rglob("*") if _looks_like_mail(file))


def _looks_like_mail(file: Path) -> bool:
    if file.name.startswith(".") or not file.is_file():
        return False
    return file.suffix.lower() in _MAIL_SUFFIXES or file.parent.name in _MAILDIR_FOLDERS


async def _stored_mails(files: Iterable[Path]) -> AsyncIterator[StoredMail | Replayed]:
    paths = iter(files)
    while (path := await asyncio.to_thread(next, paths, None)) is not None:
        mails = _mails_in(path)
        try:
            while (mail := await asyncio.to_thread(next, mails, None)) is not None:
                yield mail
        except OSError as exc:
            yield Replayed(path=path, problem=_sentence(exc))


def _mails_in(path: Path) -> Iterator[StoredMail | Replayed]:
    """The mails of a file, hashed; an ``.eml`` is one mail, whatever it begins with."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if path.suffix.lower() == ".eml":
            pass
        elif mbox.is_mbox(head):
            for found in mbox.messages(file):
                yield StoredMail(path=path, size=found.size, sha256=found.sha256, start=found.start)
            return
        elif head and not begins_like_a_mail(head):
            yield Replayed(path=path, problem=NOT_A_MAIL, is_mail=False)
            return
        file.seek(0)
        digest, size = sha256(), 0
        while data := file.read(_CHUNK_BYTES):
            digest.update(data)
            size += len(data)
        yield StoredMail(path=path, size=size, sha256=digest.hexdigest())


async def _chunks(mail: StoredMail) -> AsyncIterator[bytes]:
    pieces = _pieces(mail)
    while data := await asyncio.to_thread(next, pieces, b""):
        yield data


def _pieces(mail: StoredMail) -> Iterator[bytes]:
    """The bytes of a mail, in pieces of about 256 KiB."""
    with mail.path.open("rb") as file:
        if mail.start is None:
            yield from iter(partial(file.read, _CHUNK_BYTES), b"")
            return
        file.seek(mail.start)
        gathered = bytearray()
        for line in mbox.lines(file):
            gathered += line
            if len(gathered) >= _CHUNK_BYTES:
                yield bytes(gathered)
                gathered.clear()
        if gathered:
            yield bytes(gathered)


async def _told(
    chunks: AsyncIterator[bytes], on_read: Callable[[int], None]
) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        on_read(len(chunk))
        yield chunk


def _sentence(exc: IngestError | OSError) -> str:
    if isinstance(exc, OSError):
        return f"The file cannot be read: {exc.strerror or exc}."
    return str(exc)
