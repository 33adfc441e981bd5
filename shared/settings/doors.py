"""Settings of where things lie, and of the doors."""

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
        meaning=(
            "How clients reach us, for the status URLs. Needed where HTTP is served at an address"
            " that other machines reach; a Functions app takes its own host name when it is empty."
        ),
    )
    site_hostname: str = setting(
        "WEBSITE_HOSTNAME",
        "",
        unit="host",
        example="app.azurewebsites.net",
        meaning="The name of a Functions app; App Service sets it.",
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
        least=1,
    )
    max_parts: int = setting(
        "MAIL_INGEST_HTTP_MAX_PARTS",
        1000,
        unit="count",
        example="200",
        meaning="The most parts of a multipart body.",
        least=1,
    )
    read_timeout_s: float = setting(
        "MAIL_INGEST_HTTP_READ_TIMEOUT_S",
        30.0,
        unit="seconds",
        example="60",
        meaning="The longest silence in the middle of a request.",
        least=0.01,
    )
    min_bytes_per_s: int = setting(
        "MAIL_INGEST_HTTP_MIN_BYTES_PER_S",
        1000,
        unit="bytes per second",
        example="5000",
        meaning="The slowest body that is waited for, on the average.",
        least=1,
    )
    keep_alive_s: int = setting(
        "MAIL_INGEST_HTTP_KEEP_ALIVE_S",
        15,
        unit="seconds",
        example="5",
        meaning="How long a connection is kept for the next request.",
    )
    stop_s: int = setting(
        "MAIL_INGEST_HTTP_STOP_S",
        20,
        unit="seconds",
        example="5",
        meaning="How long requests under way are waited for when the server stops.",
    )
    max_connections: int = setting(
        "MAIL_INGEST_HTTP_MAX_CONNECTIONS",
        500,
        unit="count",
        example="100",
        meaning=(
            "The most connections at a time; more are answered with 503. Those without a request"
            " give way first, and health is always answered."
        ),
        least=1,
    )
    max_connections_per_peer: int = setting(
        "MAIL_INGEST_HTTP_MAX_CONNECTIONS_PER_PEER",
        100,
        unit="count",
        example="20",
        meaning=("The most connections of one address (of one /64 of IPv6) at a time."),
        least=1,
    )
    trusted_proxies: tuple[str, ...] = setting(
        "MAIL_INGEST_HTTP_TRUSTED_PROXIES",
        ("127.0.0.0/8", "::1"),
        unit="addresses or networks, with commas",
        example="10.244.0.0/16",
        meaning=(
            "Reverse proxies and ingresses, which bring the connections of many clients: the limit"
            " per address is not theirs. Let them limit each client."
        ),
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
        least=-1,
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
    hostname: str = setting(
        "MAIL_INGEST_SMTP_HOSTNAME",
        "localhost",
        unit="host",
        example="mx.newsroom.example",
        meaning="What we call ourselves in SMTP, here and when we send.",
    )
    trusted_peers: tuple[str, ...] = setting(
        "MAIL_INGEST_SMTP_TRUSTED_PEERS",
        (),
        unit="addresses or networks, with commas",
        example="10.0.0.5",
        meaning=(
            "Our own mail servers that hand mail in here; only what they hand in is believed to"
            " bear Authentication-Results of MAIL_INGEST_AUTHSERV_ID. Empty: none."
        ),
    )
    max_connections: int = setting(
        "MAIL_INGEST_SMTP_MAX_CONNECTIONS",
        50,
        unit="count",
        example="20",
        meaning="The most connections at a time; those without data under way give way first.",
        least=1,
    )
    max_connections_per_peer: int = setting(
        "MAIL_INGEST_SMTP_MAX_CONNECTIONS_PER_PEER",
        20,
        unit="count",
        example="5",
        meaning="The most connections of one address (of one /64 of IPv6) at a time.",
        least=1,
    )
    min_bytes_per_s: int = setting(
        "MAIL_INGEST_SMTP_MIN_BYTES_PER_S",
        500,
        unit="bytes per second",
        example="2000",
        meaning=(
            "The slowest mail that is waited for, on the average; a pause of"
            " MAIL_INGEST_SMTP_IDLE_TIMEOUT_S comes on top."
        ),
        least=1,
    )
    max_session_s: float = setting(
        "MAIL_INGEST_SMTP_MAX_SESSION_S",
        14_400.0,
        unit="seconds",
        example="3600",
        meaning="How long a connection may last in all; its client sends again what was cut off.",
        least=1,
    )
    max_recipients: int = setting(
        "MAIL_INGEST_SMTP_MAX_RECIPIENTS",
        100,
        unit="count",
        example="10",
        meaning="The most recipients of a mail.",
        least=1,
    )
    idle_timeout_s: float = setting(
        "MAIL_INGEST_SMTP_IDLE_TIMEOUT_S",
        300.0,
        unit="seconds",
        example="60",
        meaning="How long a client may say nothing (RFC 5321 4.5.3.2.7).",
        least=0.01,
    )
    certificate: str = setting(
        "MAIL_INGEST_SMTP_CERTIFICATE",
        "",
        unit="file (PEM)",
        example="/etc/ssl/mail.pem",
        meaning="Certificate chain and key for STARTTLS; empty: no STARTTLS.",
    )
