"""Settings of the descriptions and of the answers."""

from __future__ import annotations

from dataclasses import dataclass

from shared.config import setting
from shared.steps import REPLY_DELAYS_S


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeSettings:
    """Descriptions. The describer reads more, under the same prefix; see below."""

    escalate_after_s: float = setting(
        "MAIL_INGEST_ESCALATE_AFTER_S",
        2160.0,
        unit="seconds",
        example="900",
        meaning=("How long a description is waited for before the desk is asked (36 minutes)."),
    )
    workers: int = setting(
        "MAIL_INGEST_DESCRIBER_WORKERS",
        0,
        unit="count",
        example="2",
        meaning=("Describer processes; 0: one for each core, four where a third party describes."),
    )
    photo_time_s: float = setting(
        "MAIL_INGEST_PHOTO_TIME_S",
        120.0,
        unit="seconds",
        example="60",
        meaning="How long one photo may take before its process is killed.",
        least=0.01,
    )
    video_time_s: float = setting(
        "MAIL_INGEST_VIDEO_TIME_S",
        600.0,
        unit="seconds",
        example="1200",
        meaning="How long one video may take before its process is killed.",
        least=0.01,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSettings:
    """Answers."""

    from_address: str = setting(
        "MAIL_INGEST_FROM_ADDRESS",
        "photos@newsroom.example",
        unit="address",
        example="photos@yourpaper.example",
        meaning="Who answers, and whom the desk's mails come from.",
    )
    from_name: str = setting(
        "MAIL_INGEST_FROM_NAME",
        "The newsroom",
        unit="text",
        example="Your Paper",
        meaning="The name beside it.",
    )
    smtp_host: str = setting(
        "MAIL_INGEST_SMTP_HOST",
        "",
        unit="host",
        example="smtp.yourpaper.example",
        meaning=(
            "The mail server that sends answers; empty: they are written into the outbox folder."
        ),
    )
    smtp_port: int = setting(
        "MAIL_INGEST_SMTP_PORT",
        587,
        unit="port",
        example="25",
        meaning="Its port.",
    )
    smtp_tls: str = setting(
        "MAIL_INGEST_SMTP_TLS",
        "starttls",
        unit="starttls, implicit or none",
        example="implicit",
        meaning="How the connection to it is secured.",
    )
    smtp_user: str = setting(
        "MAIL_INGEST_SMTP_USER",
        "",
        unit="text",
        example="photos",
        meaning="The user there; empty: no login.",
    )
    smtp_password: str = setting(
        "MAIL_INGEST_SMTP_PASSWORD",
        "",
        unit="text",
        example="...",
        meaning="The password there.",
        secret=True,
    )
    smtp_envelope_sender: str = setting(
        "MAIL_INGEST_SMTP_ENVELOPE_SENDER",
        "",
        unit="address",
        example="bounces@yourpaper.example",
        meaning=(
            "Who gets the bounces of answers; empty: nobody, as RFC 3834 3.3 "
            "advises. Some servers want an address."
        ),
    )
    max_age_days: int = setting(
        "MAIL_INGEST_ANSWER_MAX_AGE_DAYS",
        7,
        unit="days",
        example="2",
        meaning=(
            "Older mails are taken but not answered: by our newest Received field, else by Date."
        ),
        least=1,
    )
    suggestions: bool = setting(
        "MAIL_INGEST_ANSWER_SUGGESTIONS",
        False,
        unit="yes or no",
        example="1",
        meaning=(
            "Whether answer mails also say what we see in a picture, as labels and categories;"
            " only to senders whom Authentication-Results proves."
        ),
    )
    per_sender_and_day: int = setting(
        "MAIL_INGEST_ANSWERS_PER_DAY",
        20,
        unit="count",
        example="5",
        meaning=(
            "The most answer mails to one address on one day (UTC); name+tag@ and, where the"
            " provider ignores dots, n.ame@ are the same address."
        ),
    )
    per_domain_and_day: int = setting(
        "MAIL_INGEST_ANSWERS_PER_DOMAIN_AND_DAY",
        500,
        unit="count",
        example="2000",
        meaning="The most answer mails to the addresses of one domain on one day (UTC).",
    )
    total_per_day: int = setting(
        "MAIL_INGEST_ANSWERS_TOTAL_PER_DAY",
        5000,
        unit="count",
        example="20000",
        meaning="The most answer mails on one day (UTC), all together.",
    )
    desk_address: str = setting(
        "MAIL_INGEST_DESK_ADDRESS",
        "",
        unit="address",
        example="desk@yourpaper.example",
        meaning=("Who is told of escalated items and failed answers; empty: nobody by mail."),
    )
    desk_notices_per_hour: int = setting(
        "MAIL_INGEST_DESK_NOTICES_PER_HOUR",
        20,
        unit="count",
        example="5",
        meaning="The most mails to the desk in an hour; what is more comes as one digest after it.",
    )
    webhook_secrets: tuple[str, ...] = setting(
        "MAIL_INGEST_WEBHOOK_SECRETS",
        (),
        unit="whsec_... (base64), with commas",
        example="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        meaning=(
            "What webhooks are signed with; several while you change it. "
            "Empty: one is made in the data folder."
        ),
        secret=True,
    )
    webhook_allow: tuple[str, ...] = setting(
        "MAIL_INGEST_WEBHOOK_ALLOW",
        (),
        unit="host names or addresses, with commas",
        example="hooks.internal.example,10.1.2.3",
        meaning=("Webhook targets that are allowed although they lie inside or speak plain HTTP."),
    )
    webhook_timeout_s: float = setting(
        "MAIL_INGEST_WEBHOOK_TIMEOUT_S",
        20.0,
        unit="seconds",
        example="10",
        meaning="How long a webhook may take to answer.",
        least=0.01,
    )
    retry_delays_s: tuple[float, ...] = setting(
        "MAIL_INGEST_REPLY_DELAYS_S",
        REPLY_DELAYS_S,
        unit="seconds, with commas",
        example="5,300,1800",
        meaning="When an answer is tried again while its target is not there.",
    )
