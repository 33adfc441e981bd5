"""What lies in the mailbox: folders, messages, attachments, and the log of changes for delta.

IDs are of two kinds, as in Exchange: an immutable ID stays with its message for as long as it is in
the mailbox; a mutable one names the folder too, and dies when the message is moved.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WELL_KNOWN = ("inbox", "drafts", "sentitems", "deleteditems")
_MUTABLE = "AAM"


@dataclass(slots=True, kw_only=True)
class Attachment:
    """A file, an item (a mail in a mail: `content` is its MIME) or a reference (a cloud file)."""

    name: str
    content: bytes = b""
    media_type: str = "application/octet-stream"
    kind: str = "file"
    content_id: str = ""
    inline: bool = False
    broken: bool = False  # its content can never be had
    id: str = field(default_factory=lambda: f"ATT{secrets.token_urlsafe(12)}")


@dataclass(slots=True, kw_only=True)
class Message:
    """A message. `mime` gives its raw bytes in pieces, the same each time it is called."""

    id: str
    folder: str
    mime: Callable[[], Iterable[bytes]]
    properties: dict[str, Any]
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    version: int = 1
    broken_mime: bool = False  # Exchange can never convert it
    been_in: set[str] = field(default_factory=set[str])
    in_reply_to: str = ""

    @property
    def is_draft(self) -> bool:
        return bool(self.properties["isDraft"])


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the log: `kind` is created, updated or deleted."""

    sequence: int
    folder: str
    kind: str
    message: str


class Mailbox:
    """One mailbox. `misses_returning` plays Graph's known issue: with immutable IDs, delta does not
    show a message that leaves a folder and comes back.
    """

    def __init__(self) -> None:
        self.folders = {f"AQ-{name}": name for name in WELL_KNOWN}  # display names by ID
        self.messages: dict[str, Message] = {}
        self.changes: list[Change] = []
        self.epoch = 1  # a higher one makes every delta token unknown: 410
        self.misses_returning = False

    def deliver(self, mime: bytes | Callable[[], Iterable[bytes]], **properties: Any) -> Message:
        """A mail arrives in the Inbox."""
        pieces = mime if callable(mime) else _in_pieces(mime)
        return self.add("inbox", pieces, **properties)

    def add(self, folder: str, mime: Callable[[], Iterable[bytes]], **properties: Any) -> Message:
        """A message appears in a folder; its properties are Graph's."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        immutable = f"AAk{secrets.token_urlsafe(24)}"
        message = Message(
            id=immutable,
            folder=self.folder_id(folder),
            mime=mime,
            properties={
                "receivedDateTime": now,
                "subject": "",
                "isRead": False,
                "isDraft": False,
                "categories": [],
                "hasAttachments": False,
                "internetMessageId": f"<{secrets.token_hex(8)}@fake.example>",
                "body": {"contentType": "text", "content": ""},
                **properties,
            },
        )
        self.messages[immutable] = message
        self._arrived(message)
        return message

    def move(self, message: Message, folder: str) -> None:
        """Move a message; its immutable ID stays."""
        self._log(message.folder, "deleted", message)
        message.folder = self.folder_id(folder)
        self._arrived(message)

    def update(self, message: Message, properties: dict[str, Any]) -> None:
        """Change properties of a message."""
        message.properties.update(properties)
        message.version += 1
        self._log(message.folder, "updated", message)

    def delete(self, message: Message) -> None:
        """A message is gone for good."""
        del self.messages[message.id]
        self._log(message.folder, "deleted", message)

    def delete_folder(self, display_name: str) -> None:
        """A person deletes a folder for good, and what lies in it."""
        for message in self.folder(display_name):
            self.delete(message)
        self.folders = {key: name for key, name in self.folders.items() if name != display_name}

    def find(self, graph_id: str) -> Message | None:
        """A message by either kind of ID."""
        if not graph_id.startswith(_MUTABLE):
            return self.messages.get(graph_id)
        inner = base64.urlsafe_b64decode(graph_id.removeprefix(_MUTABLE)).decode()
        folder, _, immutable = inner.partition("|")
        message = self.messages.get(immutable)
        return message if message is not None and message.folder == folder else None

    def public_id(self, message: Message, *, immutable: bool) -> str:
        """The ID that a client sees."""
        if immutable:
            return message.id
        inner = f"{message.folder}|{message.id}".encode()
        return _MUTABLE + base64.urlsafe_b64encode(inner).decode()

    def folder_id(self, name: str) -> str:
        """A folder's ID from its ID or its well-known name."""
        return f"AQ-{name.lower()}" if name.lower() in WELL_KNOWN else name

    def folder(self, display_name: str) -> list[Message]:
        """The messages in a folder, by its display name; none when there is no such folder."""
        ids = {key for key, name in self.folders.items() if name == display_name}
        return [message for message in self.messages.values() if message.folder in ids]

    def _arrived(self, message: Message) -> None:
        returning = message.folder in message.been_in
        message.been_in.add(message.folder)
        if not (returning and self.misses_returning):
            self._log(message.folder, "created", message)

    def _log(self, folder: str, kind: str, message: Message) -> None:
        self.changes.append(Change(len(self.changes) + 1, folder, kind, message.id))


def _in_pieces(content: bytes, size: int = 65_536) -> Callable[[], Iterable[bytes]]:
    return lambda: (content[start : start + size] for start in range(0, len(content), size))
