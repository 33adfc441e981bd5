"""The Logic App is trusted when the operator says so, and when its tokens are checked."""

from __future__ import annotations

import pytest

from host.logic_app import LogicApp
from http_intake.doors import HttpSettings
from shared.errors import SettingsError
from shared.settings.azure import AzureSettings

PRINCIPAL = {"MAIL_INGEST_LOGICAPP_PRINCIPAL": "0f3c5a2e"}
CHECKED = {"WEBSITE_AUTH_ENABLED": "True"}
MAILBOX = {"MAIL_INGEST_GRAPH_MAILBOX": "tips@newsroom.example"}


def test_without_a_principal_there_is_none() -> None:
    assert LogicApp.read(AzureSettings.read(CHECKED | MAILBOX)) is None


def test_the_logic_app_may_hand_in_mails_of_its_mailbox_only() -> None:
    logic_app = LogicApp.read(AzureSettings.read(PRINCIPAL | CHECKED | MAILBOX))
    assert logic_app is not None
    http = logic_app.admitted(HttpSettings())
    assert http.principals == {"logicapp": "0f3c5a2e"}
    assert http.may_hand_in("logicapp", "Tips@Newsroom.Example")
    assert not http.may_hand_in("logicapp", "other@newsroom.example")


def test_its_own_mailbox_comes_before_the_polled_one() -> None:
    own = {"MAIL_INGEST_LOGICAPP_MAILBOX": "photos@newsroom.example"}
    logic_app = LogicApp.read(AzureSettings.read(PRINCIPAL | CHECKED | MAILBOX | own))
    assert logic_app == LogicApp(principal="0f3c5a2e", mailbox="photos@newsroom.example")


@pytest.mark.parametrize(
    ("environment", "setting"),
    [
        (PRINCIPAL | MAILBOX, "MAIL_INGEST_LOGICAPP_PRINCIPAL"),
        (PRINCIPAL | CHECKED, "MAIL_INGEST_LOGICAPP_MAILBOX"),
    ],
)
def test_a_trust_without_ground_is_refused_at_the_start(
    environment: dict[str, str], setting: str
) -> None:
    with pytest.raises(SettingsError, match=setting):
        LogicApp.read(AzureSettings.read(environment))
