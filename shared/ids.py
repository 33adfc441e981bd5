"""How every ID is derived. The same cause gives the same ID, so a repeated step finds its first
run.
"""

from __future__ import annotations

import base64
import hashlib

_LENGTH = 26  # 130 bits of the hash: no collision in the life of a newsroom
_COPY = "#copy-"


def submission_id(source: str, key: str) -> str:
    """The ID of a submission: ``<source>-<26 base32 characters>``.

    ``source`` is a short word such as ``mail``, ``http`` or ``replay``. ``key`` must be what makes
    the submission one of its kind (DESIGN section 5): never a Message-ID alone, which its sender
    chooses.
    """
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return f"{source}-{base64.b32encode(digest).decode('ascii')[:_LENGTH].lower()}"


def mailbox_key(mailbox: str, message_id: str, received_at: str) -> str:
    """The key of a message in a mailbox, the same for every way that reads the mailbox.

    Of a mailbox in Microsoft 365, `mailbox` is its address in any case, `message_id` Graph's
    internetMessageId, and `received_at` its receivedDateTime as Graph writes it (UTC, to the
    second, with a Z).
    """
    return f"{mailbox.lower()}|{message_id}|{received_at}"


def author_key(key: str, author: str) -> str:
    """The key of a mail whose mailbox key another author's mail has already: both name the same
    Message-ID, and came in one second.
    """
    return f"{key}|{author.lower()}"


def http_key(client: str, idempotency_key: str) -> str:
    """The key of an HTTP submission that came with an Idempotency-Key."""
    return f"{client}|{idempotency_key}"


def replay_key(sha256_hex: str, run_label: str = "") -> str:
    """The key of a replayed file: its content, and a label when it is to run once more."""
    return f"{sha256_hex}|{run_label}" if run_label else sha256_hex


def fairness_key(client: str, address: str) -> str:
    """Whose share of the describers a submission takes: of the client that handed it in, else of
    the sender. A hash, so that no address is stored once more; empty: of nobody known.
    """
    sender = f"client|{client}" if client else f"mail|{address.strip().casefold()}"
    known = client or address.strip()
    return hashlib.sha256(sender.encode("utf-8", "surrogatepass")).hexdigest()[:32] if known else ""


def media_instance_id(submission_id: str, number: int) -> str:
    """The instance ID of the sub-orchestration, and of the description job, of one media item."""
    return f"{submission_id}:{number}"


def split_media_instance_id(instance_id: str) -> tuple[str, int]:
    """Undo `media_instance_id`; raises ValueError when it is not one."""
    submission, _, number = instance_id.rpartition(":")
    if not submission:
        raise ValueError(f"{instance_id!r} is no media instance ID")
    return submission, int(number)


def submission_of(message_id: str) -> str:
    """The submission that a queue message is of: its ID is that one's, or begins with it and a
    ``#`` where the message was sent anew.
    """
    return message_id.partition("#")[0]


def copied_message_id(message_id: str) -> str:
    """The ID of a queue message that is sent in the place of another one: ``<ID>#copy-<n>``. The
    same one has the same copy, and a copy has the next one.
    """
    original, _, _ = message_id.partition(_COPY)
    return f"{original}{_COPY}{copies_before(message_id) + 1}"


def copies_before(message_id: str) -> int:
    """How many times a queue message was copied before it got this ID."""
    return int(message_id.partition(_COPY)[2] or 0)


def reply_id(submission_id: str, revision: int = 0) -> str:
    """The ID of an answer: stable over retries and crashes; a later revision is another answer."""
    return submission_id if revision == 0 else f"{submission_id}.r{revision}"


def blob_prefix(submission_id: str) -> str:
    """The folder that holds every blob of a submission, with the slash at its end."""
    return f"submissions/{submission_id}/"
