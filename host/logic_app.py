"""The Logic App as a client of the HTTP door: known by its identity, trusted with a mailbox."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from shared.errors import SettingsError

if TYPE_CHECKING:
    from http_intake.doors import HttpSettings
    from shared.settings.azure import AzureSettings

_CLIENT = "logicapp"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogicApp:
    """The object ID of its managed identity, and the address of the mailbox that it watches."""

    principal: str
    mailbox: str

    @classmethod
    def read(cls, azure: AzureSettings) -> Self | None:
        """The Logic App that the settings name, if they do.

        Raises SettingsError when nothing checks its tokens: then anybody could claim to be it.
        """
        named = azure.logic_app
        if not named.principal:
            return None
        if not named.authentication:
            raise SettingsError(
                "MAIL_INGEST_LOGICAPP_PRINCIPAL",
                "App Service authentication is off (WEBSITE_AUTH_ENABLED), so nothing checks who"
                " calls. Switch it on, or leave this empty.",
            )
        mailbox = named.mailbox or azure.graph.mailbox
        if not mailbox:
            raise SettingsError(
                "MAIL_INGEST_LOGICAPP_MAILBOX",
                "it is not said which mailbox the Logic App watches. Set its address here, or in"
                " MAIL_INGEST_GRAPH_MAILBOX.",
            )
        return cls(principal=named.principal, mailbox=mailbox)

    def admitted(self, http: HttpSettings) -> HttpSettings:
        """The door's settings with the Logic App as a client."""
        return replace(
            http,
            principals={**http.principals, _CLIENT: self.principal},
            watchers={**http.watchers, _CLIENT: frozenset({self.mailbox})},
        )
