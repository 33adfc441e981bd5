"""The Maildir on disk: its folders, its file names, and the marks that we put on them. Blocking.

A message lies in ``new`` or ``cur`` as ``<unique name>[:<info>]`` (cr.yp.to/proto/maildir.html),
put there by anything: our SMTP listener, an MDA, a mail program, ``mv``. We mark it by renaming it
to ``cur/<unique name>:1,<attempts>,<not before>``; info that starts with ``1,`` is the Maildir
specification's own room for experiments. A rename is atomic, so of two readers one wins, and the
mark survives a crash. A claim and a delay are the same thing: leave it alone before that time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.ids import mailbox_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROCESSED = ".Processed"  # Maildir++: a folder's name starts with a dot
DEAD_LETTER = ".DeadLetter"
NAME = "maildir"  # of the mailbox in submission keys, so it must not change
_BOXES = ("tmp", "new", "cur")
_LONGEST_NAME = 200  # bytes; most file systems end at 255, and our marks need some
_HEAD_BYTES = 64 * 1024  # in which a Message-ID is looked for
_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^<>\r\n]{1,990}>)", re.IGNORECASE | re.MULTILINE)
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_MARK = re.compile(r"1,(\d{1,4}),(\d{1,12})")
_DELIVERED_AT = re.compile(r"(\d{10})\.")  # the customary start of a unique name: seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A message file: its path, its unique name, our marks, and when it was delivered (seconds)."""

    path: Path
    unique: str
    attempts: int
    not_before: int
    delivered_at: float
    size: int

    @property
    def received_at(self) -> str:
        """The delivery time as RFC 3339 in UTC."""
        moment = datetime.fromtimestamp(self.delivered_at, UTC)
        return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def create(folder: Path) -> None:
    """Make the Maildir and its two folders where they are missing."""
    for root in (folder, folder / PROCESSED, folder / DEAD_LETTER):
        for box in _BOXES:
            (root / box).mkdir(parents=True, exist_ok=True)
        if root != folder:
            (root / "maildirfolder").touch()


def scan(folder: Path) -> Iterator[Found]:
    """Every message of ``new`` and ``cur``, in no order; other things there are skipped."""
    for box in ("new", "cur"):
        with os.scandir(folder / box) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.is_file(follow_symlinks=False):
                    continue
                try:
                    yield _found(folder / box / entry.name, entry.stat(follow_symlinks=False))
                except FileNotFoundError:  # moved meanwhile
                    continue


def unique_name(path: Path) -> str:
    """The name that a message keeps, whatever its marks are."""
    return _short(path.name.partition(":")[0])


def look(path: Path) -> Found:
    """One message. Raises FileNotFoundError."""
    return _found(path, path.stat(follow_symlinks=False))


def marked(found: Found, *, attempts: int, not_before: int) -> Path:
    """A free place for a message that carries these marks; a second later, where it is taken."""
    cur = _inbox_of(found) / "cur"
    while (place := cur / f"{found.unique}:1,{attempts},{not_before}").exists():
        not_before += 1
    return place


def filed(found: Found, box: str) -> Path:
    """A free place for a message in Processed or DeadLetter; ``S`` is Maildir's mark for seen."""
    cur = _inbox_of(found) / box / "cur"
    place, copies = cur / f"{found.unique}:2,S", 1
    while place.exists():
        copies += 1
        place = cur / f"{found.unique}.{copies}:2,S"
    return place


def submission_key(path: Path, unique: str, mailbox: str = NAME) -> str:
    """What makes a message one of its kind; `path` is where it lies now. Raises OSError."""
    return mailbox_key(mailbox, _message_id(path), unique)


def find(folder: Path, unique: str) -> Path | None:
    """Where a message lies by now: waiting, in work, Processed or DeadLetter. It may move on."""
    for root in (folder, folder / PROCESSED, folder / DEAD_LETTER):
        for box in ("new", "cur"):
            with contextlib.suppress(FileNotFoundError), os.scandir(root / box) as entries:
                for entry in entries:
                    if entry.name.partition(":")[0] == unique:
                        return root / box / entry.name
    return None


def _found(path: Path, stat: os.stat_result) -> Found:
    name, _, info = path.name.partition(":")
    mark = _MARK.fullmatch(info)
    delivered = _DELIVERED_AT.match(name)
    return Found(
        path=path,
        unique=unique_name(path),
        attempts=int(mark[1]) if mark else 0,
        not_before=int(mark[2]) if mark else 0,
        delivered_at=int(delivered[1]) if delivered else stat.st_mtime,
        size=stat.st_size,
    )


def _message_id(path: Path) -> str:
    """The Message-ID as it stands in the header, or nothing; no more than a part of the key."""
    with path.open("rb", buffering=0) as file:
        head = file.read(_HEAD_BYTES)
    match = _MESSAGE_ID.search(_HEADER_END.split(head, maxsplit=1)[0])
    return match[1].decode("latin-1") if match else ""


def _inbox_of(found: Found) -> Path:
    return found.path.parent.parent


def _short(unique: str) -> str:
    name = os.fsencode(unique)
    return unique if len(name) <= _LONGEST_NAME else hashlib.sha256(name).hexdigest()
