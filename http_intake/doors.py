"""What the HTTP door is given: the ports behind it, its settings, and the shapes of both."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mail_ingest.collect import MediaLimits
from shared.errors import SettingsError
from shared.tracing import NO_TELEMETRY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping

    from mail_ingest.receive import MailOrigin
    from shared.intake import Accepted, Intake
    from shared.ports import DirectUploads, Telemetry

_CLIENT = re.compile(r"[A-Za-z0-9._@+-]{1,100}")  # no bar: it parts the name from the key
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
LOCAL_CLIENT = "local"  # who calls while no keys are configured


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """The limits of the door, and who may call. `keys` maps a client's name to the SHA-256 (hex) of
    its key, `principals` to the object ID of its managed identity; while both are empty everybody
    is the client "local". `watchers` maps a client's name to the mailboxes whose mails it hands in.

    `principals` is for App Service with its authentication switched on, and for nothing else: it
    checks the tokens, names the caller in a header, and lets nobody else send that header.
    """

    keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    principals: Mapping[str, str] = field(default_factory=dict[str, str])
    watchers: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    public_base_url: str = ""  # such as https://intake.example.org; see access.own_base_url
    max_submission_bytes: int = 2_000_000_000  # the body of POST /v1/submissions
    max_message_bytes: int = 157_286_400  # the body of POST /v1/emails
    media: MediaLimits = field(default_factory=MediaLimits)  # what is beyond them is left out
    max_parts: int = 1000  # of a multipart body; more are refused
    read_timeout_s: float = 30.0  # the longest silence within a body
    min_bytes_per_s: int = 1000  # the slowest body that we wait for, on the average

    def __post_init__(self) -> None:
        """Raises SettingsError when a key could never match, or a name could pass for another."""
        for client, digest in self.keys.items():
            if not _CLIENT.fullmatch(client) or not _SHA256.fullmatch(digest):
                raise SettingsError(
                    "MAIL_INGEST_KEYS",
                    f"the entry of {client!r} is no name=SHA-256. A name has letters, digits and"
                    " ._@+- only; `mail-ingest key NAME` makes an entry.",
                )

    @property
    def knows_clients(self) -> bool:
        """Whether a caller must say who it is."""
        return bool(self.keys or self.principals)

    def may_hand_in(self, client: str, mailbox: str) -> bool:
        """Whether a client watches a mailbox (an address, in any case)."""
        watched = self.watchers.get(client, frozenset())
        return mailbox.lower() in {address.lower() for address in watched}


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether submissions can be taken and worked on. `reasons` and `warnings` are sentences."""

    ready: bool
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    dead_letters: int = 0


class ReceiveMail(Protocol):
    """Takes one raw message, as `mail_ingest.receive.receive` does."""

    async def __call__(self, chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> Accepted:
        """Durable on return. The same origin again, also at the same time, gives the first record;
        what `chunks` raises goes through, and leaves nothing of the message behind.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReference:
    """A message that lies in a mailbox: Graph's ID of it, its Message-ID, and when it was received
    (RFC 3339 in UTC, to the second).
    """

    mailbox: str
    graph_id: str
    message_id: str
    received_at: str


class FetchByReference(Protocol):
    """Reads one message out of a mailbox that the service has access to."""

    async def __call__(self, reference: MailReference) -> AsyncGenerator[bytes] | None:
        """The raw message in chunks; None when it is not there. Both this and the reading may raise
        ServiceUnavailableError.
        """
        ...


class CheckCallback(Protocol):
    """Says why a callback_url of a client is refused, or nothing."""

    async def __call__(self, url: str, client: str, /) -> str | None:
        """Answers in a few seconds, even when the name's server does not."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Everything that the door leads to. `mailboxes` are those that the service can read by itself,
    by their addresses in small letters; `uploads` is there where clients can upload past us.
    """

    settings: HttpSettings
    intake: Intake
    receive_mail: ReceiveMail
    check_callback: CheckCallback
    readiness: Callable[[], Awaitable[Readiness]]
    new_key: Callable[[], str]  # one that was never used, for a request without a key of its own
    mailboxes: Mapping[str, FetchByReference] = field(default_factory=dict[str, FetchByReference])
    uploads: DirectUploads | None = None
    telemetry: Telemetry = NO_TELEMETRY
