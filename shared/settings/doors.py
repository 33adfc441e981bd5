"""Settings of where things lie, of the doors, and of what is taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared.config import setting

SHIPPED_RULES = Path(__file__).parent.parent / "rules" / "categories.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceSettings:
    """Where things lie."""

    data: Path = setting(
        "MAIL_INGEST_DATA",
        Path("data"),
        unit="folder",
        example="/var/lib/mail_ingest",
        meaning=("Everything that is kept: submissions, mailbox, outbox, queue, histories."),
    )
    rules: Path = setting(
        "MAIL_INGEST_RULES",
        SHIPPED_RULES,
        unit="file",
        example="/etc/mail_ingest/categories.toml",
        meaning="The editors' rules: which word or label speaks for which category.",
    )
    log_level: str = setting(
        "MAIL_INGEST_LOG_LEVEL",
        "INFO",
        unit="level",
        example="DEBUG",
        meaning="The least important log lines that are written.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDoorSettings:
    """The HTTP door."""

    host: str = setting(
        "MAIL_INGEST_HTTP_HOST",
        "127.0.0.1",
        unit="address",
        example="0.0.0.0",
        meaning=("Where HTTP is served. An address that other machines reach needs keys."),
    )
    port: int = setting(
        "MAIL_INGEST_HTTP_PORT",
        8080,
        unit="port",
        example="8443",
        meaning="The port of HTTP; 0 takes a free one.",
    )
    public_url: str = setting(
        "MAIL_INGEST_PUBLIC_URL",
        "",
        unit="URL",
        example="https://intake.newsroom.example",
        meaning=("How clients reach us, for the status URLs; empty: as they called us."),
    )
    keys: tuple[str, ...] = setting(
        "MAIL_INGEST_KEYS",
        (),
        unit="client=SHA-256 of its key, with commas",
        example="partner=9f86d0...,studio=60303a...",
        meaning=("Who may submit over HTTP. `mail-ingest key NAME` makes a key and its entry."),
        secret=True,
    )
    max_submission_bytes: int = setting(
        "MAIL_INGEST_MAX_SUBMISSION_BYTES",
        2_000_000_000,
        unit="bytes",
        example="500000000",
        meaning="The largest body of POST /v1/submissions.",
    )
    max_parts: int = setting(
        "MAIL_INGEST_HTTP_MAX_PARTS",
        1000,
        unit="count",
        example="200",
        meaning="The most parts of a multipart body.",
    )
    read_timeout_s: float = setting(
        "MAIL_INGEST_HTTP_READ_TIMEOUT_S",
        30.0,
        unit="seconds",
        example="60",
        meaning="The longest silence in the middle of a request.",
    )
    min_bytes_per_s: int = setting(
        "MAIL_INGEST_HTTP_MIN_BYTES_PER_S",
        1000,
        unit="bytes per second",
        example="5000",
        meaning="The slowest body that is waited for, on the average.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpDoorSettings:
    """The SMTP listener: mail that comes in."""

    host: str = setting(
        "MAIL_INGEST_SMTP_LISTEN_HOST",
        "127.0.0.1",
        unit="address",
        example="10.0.0.5",
        meaning="Where mail is taken.",
    )
    port: int = setting(
        "MAIL_INGEST_SMTP_LISTEN_PORT",
        8025,
        unit="port",
        example="25",
        meaning="Its port; 0 takes a free one, -1 switches the listener off.",
    )
    open: bool = setting(
        "MAIL_INGEST_SMTP_LISTEN_OPEN",
        False,
        unit="yes or no",
        example="1",
        meaning=("Allow an address that other machines reach; the listener asks for no password."),
    )
    recipients: tuple[str, ...] = setting(
        "MAIL_INGEST_SMTP_RECIPIENTS",
        (),
        unit="addresses or domains, with commas",
        example="photos@newsroom.example",
        meaning="Whose mail is taken; empty: everybody's.",
    )
    certificate: str = setting(
        "MAIL_INGEST_SMTP_CERTIFICATE",
        "",
        unit="file (PEM)",
        example="/etc/ssl/mail.pem",
        meaning="Certificate chain and key for STARTTLS; empty: no STARTTLS.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSettings:
    """What is taken of a submission, and how much."""

    max_message_bytes: int = setting(
        "MAIL_INGEST_MAX_MESSAGE_BYTES",
        157_286_400,
        unit="bytes",
        example="52428800",
        meaning="The largest mail, by SMTP and by POST /v1/emails.",
    )
    max_media: int = setting(
        "MAIL_INGEST_MAX_MEDIA",
        500,
        unit="count",
        example="50",
        meaning="The most photos and videos of a submission; more are left out.",
    )
    max_media_bytes: int = setting(
        "MAIL_INGEST_MAX_MEDIA_BYTES",
        2_000_000_000,
        unit="bytes",
        example="200000000",
        meaning="The largest photo or video; a larger one is left out.",
    )
    max_mime_parts: int = setting(
        "MAIL_INGEST_MAX_MIME_PARTS",
        10_000,
        unit="count",
        example="2000",
        meaning="The most parts of a mail that are read.",
    )
    max_mime_depth: int = setting(
        "MAIL_INGEST_MAX_MIME_DEPTH",
        50,
        unit="levels",
        example="20",
        meaning="How deep mails in mails are read.",
    )
    max_header_bytes: int = setting(
        "MAIL_INGEST_MAX_HEADER_BYTES",
        1_048_576,
        unit="bytes",
        example="262144",
        meaning="The longest header block that is read.",
    )
    max_header_lines: int = setting(
        "MAIL_INGEST_MAX_HEADER_LINES",
        20_000,
        unit="lines",
        example="5000",
        meaning="The most lines of a header block.",
    )
    max_decoded_bytes: int = setting(
        "MAIL_INGEST_MAX_DECODED_BYTES",
        4_294_967_296,
        unit="bytes",
        example="1073741824",
        meaning="What all parts of a mail may decode to, together.",
    )
    own_addresses: tuple[str, ...] = setting(
        "MAIL_INGEST_OWN_ADDRESSES",
        (),
        unit="addresses, with commas",
        example="photos@newsroom.example",
        meaning="Our own addresses: mails from them get no answer.",
    )
    authserv_id: str = setting(
        "MAIL_INGEST_AUTHSERV_ID",
        "",
        unit="name",
        example="mx.newsroom.example",
        meaning=(
            "The name under which our mail server writes "
            "Authentication-Results; fields of others are not believed."
        ),
    )
    poll_concurrency: int = setting(
        "MAIL_INGEST_MAILBOX_CONCURRENCY",
        4,
        unit="count",
        example="8",
        meaning="How many mails of the mailbox are received at a time.",
    )
