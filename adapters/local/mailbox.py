"""The Mailbox port on a Maildir: anything can deliver into it, and its folders are the queue.

The key of a message is ``mailbox|Message-ID|unique name``. The unique name stands for the time of
receipt: it is stable, and no two messages share it. The Message-ID is there for deliverers that
are careless with names, such as a script that copies every mail to ``new/mail.eml``.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from adapters.local import maildir
from adapters.local.durable_files import full_disk_is_named
from mail_ingest.ports import Claim, MailboxMessage
from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Sequence

    from shared.ports import Clock

_CHUNK = 256 * 1024
_CUSTOMARY_HOLD_S = 900.0  # of a claim, and longer than any delay


class MaildirMailbox:
    """Reads one Maildir. `name` goes into the submission keys, so it must not change."""

    def __init__(self, folder: Path, *, clock: Clock, name: str = maildir.NAME) -> None:
        self._folder = folder
        self._clock = clock
        self._name = name
        self._news = asyncio.Event()
        self._lock = -1
        self._longest_hold_s = _CUSTOMARY_HOLD_S
        self._in_hand: set[str] = set()  # unique names of what we have claimed and not given back

    @classmethod
    async def open(cls, folder: Path, *, clock: Clock, name: str = maildir.NAME) -> Self:
        """Open, and create where it is missing. Claims of readers that died are undone."""
        mailbox = cls(folder, clock=clock, name=name)
        await _in_thread(mailbox._open)
        return mailbox

    async def close(self) -> None:
        """Stop reading; what is still claimed is seen again by the next reader."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def wake(self) -> None:
        """Say that new mail has come; called on the event loop by a deliverer of this process."""
        self._news.set()

    async def wait(self, timeout_s: float) -> None:
        """Return after `wake`, or after `timeout_s`: others deliver without a word."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), timeout_s)
        self._news.clear()

    async def discover(self, *, limit: int) -> Sequence[MailboxMessage]:
        """See `Mailbox.discover`."""
        return await _in_thread(self._discover, limit)

    async def claim(self, message: MailboxMessage, *, lifetime_s: float) -> Claim | None:
        """See `Mailbox.claim`."""
        return await _in_thread(self._claim, message, lifetime_s)

    async def renew(self, claim: Claim, *, lifetime_s: float) -> Claim | None:
        """See `Mailbox.renew`."""
        path = await _in_thread(self._mark, Path(claim.handle), claim.attempt, lifetime_s)
        return None if path is None else replace(claim, handle=str(path))

    async def read(self, claim: Claim) -> AsyncGenerator[bytes]:
        """See `Mailbox.read`."""
        file = await _in_thread(Path(claim.handle).open, "rb", 0)
        try:
            while chunk := await _in_thread(file.read, _CHUNK):
                yield chunk
        finally:
            file.close()

    async def release(self, claim: Claim, *, attempts: int, delay_s: float) -> None:
        """See `Mailbox.release`."""
        with self._end_of(claim):
            await _in_thread(self._mark, Path(claim.handle), attempts, delay_s)
        if not delay_s:
            self.wake()

    async def file_processed(self, claim: Claim) -> None:
        """See `Mailbox.file_processed`."""
        with self._end_of(claim):
            await _in_thread(_file, Path(claim.handle), maildir.PROCESSED)

    async def dead_letter(self, claim: Claim, *, reason: str, description: str) -> None:
        """See `Mailbox.dead_letter`. The reason lies in ``.DeadLetter/<name>.reason.json``, beside
        ``cur`` and not in it, where a mail program would take it for a mail.
        """
        facts: dict[str, object] = {
            "reason": reason,
            "description": description,
            "attempts": claim.attempt,
            "received_at": claim.received_at,
            "dead_lettered_at": self._clock.now().isoformat(timespec="seconds"),
        }
        with self._end_of(claim):
            await _in_thread(_dead_letter, Path(claim.handle), facts)

    def _open(self) -> None:
        maildir.create(self._folder)
        self._lock = os.open(
            self._folder / ".readers", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        with contextlib.suppress(BlockingIOError):  # another reader lives, and its claims hold
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._undo_claims()
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def _undo_claims(self) -> None:
        for found in maildir.scan(self._folder):
            if found.not_before:
                self._mark(found.path, found.attempts, 0.0)

    def _discover(self, limit: int) -> list[MailboxMessage]:
        now = self._clock.now().timestamp()
        found = list(maildir.scan(self._folder))
        marked = {message.unique for message in found if self._holds(message, now)}
        held = marked | self._in_hand  # which no clock tells us to take once more
        free = [message for message in found if message.unique not in held]
        free.sort(key=lambda message: (message.attempts, message.delivered_at, message.unique))
        return [
            MailboxMessage(handle=str(message.path), attempts=message.attempts)
            for message in free[:limit]
        ]

    def _holds(self, message: maildir.Found, now: float) -> bool:
        """Whether a mark counts. One that lies further ahead than marks are set was made before the
        clock was set back, and may count no longer: a mail that is received twice is one.
        """
        return now < message.not_before <= now + self._longest_hold_s + 1

    @contextlib.contextmanager
    def _end_of(self, claim: Claim) -> Generator[None]:
        """Give a message out of our hand, also when the block fails: then its mark ends by itself,
        and it comes again.
        """
        try:
            yield
        finally:
            self._in_hand.discard(maildir.unique_name(Path(claim.handle)))

    def _claim(self, message: MailboxMessage, lifetime_s: float) -> Claim | None:
        path = self._mark(Path(message.handle), message.attempts + 1, lifetime_s)
        if path is None:
            return None
        found = maildir.look(path)
        self._in_hand.add(found.unique)
        return Claim(
            handle=str(path),
            key=maildir.submission_key(path, found.unique, self._name),
            attempt=found.attempts,
            received_at=found.received_at,
            size=found.size,
        )

    def _mark(self, path: Path, attempts: int, hold_s: float) -> Path | None:
        """Rename a message to carry these marks; None when somebody moved it meanwhile."""
        not_before = int(self._clock.now().timestamp() + hold_s) + 1 if hold_s else 0
        self._longest_hold_s = max(self._longest_hold_s, hold_s)
        try:
            place = maildir.marked(maildir.look(path), attempts=attempts, not_before=not_before)
            path.rename(place)
        except FileNotFoundError:
            return None
        return place


async def _in_thread[**P, R](work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run blocking work; what the file system refuses becomes what the port promises."""
    try:
        with full_disk_is_named(Path("the mailbox")):
            return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as exc:
        raise ServiceUnavailableError("mailbox", exc.strerror or type(exc).__name__) from exc


def _file(path: Path, box: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # filed before, or taken away by a person
        path.rename(maildir.filed(maildir.look(path), box))


def _dead_letter(path: Path, facts: dict[str, object]) -> None:
    try:
        place = maildir.filed(maildir.look(path), maildir.DEAD_LETTER)
    except FileNotFoundError:
        return
    name = place.name.partition(":")[0]
    box = place.parent.parent
    draft = box / "tmp" / f"{name}.reason.json"
    draft.write_text(json.dumps(facts, indent=2) + "\n")
    draft.rename(box / draft.name)
    path.rename(place)
