"""Settings of the mailbox in Microsoft 365: who reads it, and how."""

from __future__ import annotations

from dataclasses import dataclass

from shared.config import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSettings:
    """The mailbox in Microsoft 365, by Microsoft Graph."""

    mailbox: str = setting(
        "MAIL_INGEST_GRAPH_MAILBOX",
        "",
        unit="address",
        example="tips@newsroom.example",
        meaning="The mailbox that is read and answered from; empty: none.",
    )
    url: str = setting(
        "MAIL_INGEST_GRAPH_URL",
        "https://graph.microsoft.com/v1.0",
        unit="URL",
        example="https://graph.microsoft.us/v1.0",
        meaning="Where Graph is; national clouds have their own.",
    )
    processed_folder: str = setting(
        "MAIL_INGEST_GRAPH_PROCESSED",
        "Processed",
        unit="name",
        example="Processed",
        meaning="The folder of finished mails; made when it is missing.",
    )
    dead_letter_folder: str = setting(
        "MAIL_INGEST_GRAPH_DEAD_LETTER",
        "DeadLetter",
        unit="name",
        example="DeadLetter",
        meaning="The folder of mails that were given up; made when it is missing.",
    )
    sweep_s: float = setting(
        "MAIL_INGEST_GRAPH_SWEEP_S",
        600.0,
        unit="seconds",
        example="300",
        meaning="How often the whole Inbox is listed, to find what the change log missed.",
    )
    max_calls: int = setting(
        "MAIL_INGEST_GRAPH_MAX_CALLS",
        4,
        unit="calls",
        example="3",
        meaning="Calls at a time; Graph allows four per program and mailbox.",
        least=1,
    )
    notification_url: str = setting(
        "MAIL_INGEST_GRAPH_NOTIFICATION_URL",
        "",
        unit="URL",
        example="https://ingest.newsroom.example/graph/notifications",
        meaning="Where Graph tells of new mail, to be faster than the poll; empty: off.",
    )
    notification_secret: str = setting(
        "MAIL_INGEST_GRAPH_NOTIFICATION_SECRET",
        "",
        unit="text",
        example="a long random word",
        meaning="What each notification must carry as clientState (at most 128 characters).",
        secret=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicAppSettings:
    """The Logic App that watches a mailbox and hands in its mails."""

    principal: str = setting(
        "MAIL_INGEST_LOGICAPP_PRINCIPAL",
        "",
        unit="object ID",
        example="0f3c5a2e-1111-2222-3333-444455556666",
        meaning="The Logic App's managed identity; needs App Service authentication; empty: none.",
    )
    mailbox: str = setting(
        "MAIL_INGEST_LOGICAPP_MAILBOX",
        "",
        unit="address",
        example="tips@newsroom.example",
        meaning="The mailbox that it watches; empty: MAIL_INGEST_GRAPH_MAILBOX.",
    )
    authentication: bool = setting(
        "WEBSITE_AUTH_ENABLED",
        False,
        unit="yes or no",
        example="True",
        meaning="Set by App Service where its authentication checks every token; never by hand.",
    )
