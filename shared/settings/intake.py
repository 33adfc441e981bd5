"""Settings of what is taken of a submission."""

from __future__ import annotations

from dataclasses import dataclass

from shared.config import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSettings:
    """What is taken of a submission, and how much."""

    max_message_bytes: int = setting(
        "MAIL_INGEST_MAX_MESSAGE_BYTES",
        157_286_400,
        unit="bytes",
        example="52428800",
        meaning="The largest mail, by SMTP and by POST /v1/emails.",
        least=1,
    )
    max_media: int = setting(
        "MAIL_INGEST_MAX_MEDIA",
        500,
        unit="count",
        example="50",
        meaning="The most photos and videos of a submission, up to 1000; more are left out.",
        least=1,
        most=1_000,  # a task hub takes about 1 MB at a time, and starts all of them at once
    )
    max_media_bytes: int = setting(
        "MAIL_INGEST_MAX_MEDIA_BYTES",
        2_000_000_000,
        unit="bytes",
        example="200000000",
        meaning="The largest photo or video; a larger one is left out.",
        least=1,
    )
    max_mime_parts: int = setting(
        "MAIL_INGEST_MAX_MIME_PARTS",
        10_000,
        unit="count",
        example="2000",
        meaning="The most parts of a mail that are read.",
        least=1,
    )
    max_mime_depth: int = setting(
        "MAIL_INGEST_MAX_MIME_DEPTH",
        50,
        unit="levels",
        example="20",
        meaning="How deep mails in mails are read.",
        least=1,
    )
    max_header_bytes: int = setting(
        "MAIL_INGEST_MAX_HEADER_BYTES",
        1_048_576,
        unit="bytes",
        example="262144",
        meaning="The longest header block that is read.",
        least=1,
    )
    max_header_lines: int = setting(
        "MAIL_INGEST_MAX_HEADER_LINES",
        20_000,
        unit="lines",
        example="5000",
        meaning="The most lines of a header block.",
        least=1,
    )
    max_decoded_bytes: int = setting(
        "MAIL_INGEST_MAX_DECODED_BYTES",
        4_294_967_296,
        unit="bytes",
        example="1073741824",
        meaning="What all parts of a mail may decode to, together.",
        least=1,
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
        "MAIL_INGEST_POLL_CONCURRENCY",
        4,
        unit="count",
        example="8",
        meaning="How many mails of the mailbox are received at a time.",
        least=1,
    )
    poll_interval_s: float = setting(
        "MAIL_INGEST_POLL_INTERVAL_S",
        0.5,
        unit="seconds",
        example="30",
        meaning="The pause between two looks into the mailbox.",
        least=0.01,
    )
    poll_max_attempts: int = setting(
        "MAIL_INGEST_POLL_MAX_ATTEMPTS",
        5,
        unit="count",
        example="8",
        meaning="How often a mail that fails is tried before it goes to DeadLetter.",
        least=1,
    )
    poll_claim_s: float = setting(
        "MAIL_INGEST_POLL_CLAIM_S",
        900.0,
        unit="seconds",
        example="1800",
        meaning="How long one mail may take to be received.",
        least=1,
    )
    poll_retry_delay_s: float = setting(
        "MAIL_INGEST_POLL_RETRY_DELAY_S",
        10.0,
        unit="seconds",
        example="30",
        meaning="The pause after the first failure of a mail; doubled after each.",
    )
    poll_pause_s: float = setting(
        "MAIL_INGEST_POLL_PAUSE_S",
        5.0,
        unit="seconds",
        example="15",
        meaning=("The pause of the whole mailbox while a service is down or the disk is full."),
    )
