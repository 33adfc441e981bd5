"""What makes a submission one of its kind: an Idempotency-Key, or the place of a mail in a mailbox.

The second is the key that every reader of that mailbox uses, so a mail that two of them hand in is
one submission. Whoever can name such a key can keep the real mail out; so it is for watchers only.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from http_intake.problem_types import INVALID_REQUEST, WRONG_MAILBOX
from http_intake.problems import ProblemError
from shared import ids

if TYPE_CHECKING:
    from starlette.datastructures import Headers

    from http_intake.doors import HttpSettings, MailReference

MAIL_SOURCE = "mail"  # the same as for a mailbox, so that both doors know each other's mails
_IDEMPOTENCY_KEY = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")


def idempotency_key(headers: Headers) -> str | None:
    """The key that a request came with, if any; raises ProblemError when it cannot be used."""
    given = headers.get("idempotency-key")
    if given is not None and not _IDEMPOTENCY_KEY.fullmatch(given):
        raise ProblemError(
            INVALID_REQUEST,
            "Idempotency-Key must be 1 to 255 printable ASCII characters. Send such a key, or"
            " none.",
        )
    return given


def watched_mail(headers: Headers, client: str, settings: HttpSettings) -> tuple[str, str] | None:
    """The key of a mail that lies in X-Mailbox, and when it was received there; None without that
    header field. Raises ProblemError when the client does not watch it, or the key is no such key.
    """
    mailbox = headers.get("x-mailbox")
    if mailbox is None:
        return None
    require_watcher(client, mailbox, settings)
    message_id, _, received = (idempotency_key(headers) or "").rpartition("|")
    received_at = utc_second(received)
    if not message_id or received_at is None:
        raise ProblemError(
            INVALID_REQUEST,
            "With X-Mailbox, Idempotency-Key must be the internetMessageId of the mail, a bar, and"
            " its receivedDateTime. Where that has no room, use POST /v1/emails/by-reference.",
        )
    return ids.mailbox_key(mailbox, message_id, received_at), received_at


def reference_key(reference: MailReference) -> str:
    """The key of a mail that is read by reference."""
    return ids.mailbox_key(reference.mailbox, reference.message_id, reference.received_at)


def require_watcher(client: str, mailbox: str, settings: HttpSettings) -> None:
    """Raise ProblemError unless the client may hand in mails of this mailbox."""
    if not settings.may_hand_in(client, mailbox):
        raise ProblemError(
            WRONG_MAILBOX,
            "You may not hand in mails of this mailbox. Ask whoever runs the service to name you as"
            " its watcher, or leave X-Mailbox out.",
        )


def utc_second(text: str) -> str | None:
    """An RFC 3339 time as Graph writes it: UTC, to the second, with a Z; None when it is none."""
    try:
        moment = datetime.fromisoformat(text.upper())
        if moment.tzinfo is None:
            return None
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
