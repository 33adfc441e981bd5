"""The Logic App as a client of the HTTP door: known by its identity, trusted with a mailbox."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.errors import SettingsError

if TYPE_CHECKING:
    from http_intake.doors import HttpSettings
    from shared.settings.azure import AzureSettings

CLIENT = "logicapp"


def trusting_logic_app(http: HttpSettings, azure: AzureSettings) -> HttpSettings:
    """The door's settings with the Logic App as a client, if there is one.

    Raises SettingsError when nothing checks its tokens: then anybody could claim to be it.
    """
    logic_app = azure.logic_app
    if not logic_app.principal:
        return http
    if not logic_app.authentication:
        raise SettingsError(
            "MAIL_INGEST_LOGICAPP_PRINCIPAL",
            "App Service authentication is off (WEBSITE_AUTH_ENABLED), so nothing checks who calls."
            " Switch it on, or leave this empty.",
        )
    mailbox = logic_app.mailbox or azure.graph.mailbox
    if not mailbox:
        raise SettingsError(
            "MAIL_INGEST_LOGICAPP_MAILBOX",
            "it is not said which mailbox the Logic App watches. Set its address here, or in"
            " MAIL_INGEST_GRAPH_MAILBOX.",
        )
    return replace(
        http,
        principals={**http.principals, CLIENT: logic_app.principal},
        watchers={**http.watchers, CLIENT: frozenset({mailbox})},
    )
