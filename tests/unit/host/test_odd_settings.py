from __future__ import annotations

import logging

import pytest

from host.odd_settings import odd_settings, tell_odd_settings
from shared.settings import Settings
from shared.settings.azure import AzureSettings

MAILBOX = "tips@newsroom.example"


TOPIC = "https://events.example/api/events"


def oddities(**environment: str) -> list[str]:
    given = {"MAIL_INGEST_EVENT_GRID_URL": TOPIC, **environment}
    return list(odd_settings(Settings.read(given), AzureSettings.read(given)))


def test_no_topic_for_events_is_odd() -> None:
    (sentence,) = oddities(MAIL_INGEST_EVENT_GRID_URL="")
    assert sentence.endswith("Set MAIL_INGEST_EVENT_GRID_URL.")


def test_one_address_for_the_mailbox_and_the_answers_is_not_odd() -> None:
    same = {"MAIL_INGEST_GRAPH_MAILBOX": MAILBOX, "MAIL_INGEST_FROM_ADDRESS": MAILBOX.upper()}
    assert oddities(**same, MAIL_INGEST_DESK_ADDRESS="desk@newsroom.example") == []


def test_neither_mailbox_nor_anybody_who_needs_one_is_not_odd() -> None:
    assert oddities() == []


@pytest.mark.parametrize(
    "environment",
    [
        {"MAIL_INGEST_GRAPH_MAILBOX": MAILBOX},  # the default of the other is nobody's address
        {
            "MAIL_INGEST_GRAPH_MAILBOX": MAILBOX,
            "MAIL_INGEST_FROM_ADDRESS": "photos@newsroom.example",
        },
    ],
)
def test_answers_of_another_address_than_the_mailbox_are_odd(environment: dict[str, str]) -> None:
    (sentence,) = oddities(**environment)
    assert sentence.startswith("MAIL_INGEST_FROM_ADDRESS is not the address")
    assert "@" not in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_INGEST_LOGICAPP_PRINCIPAL", "0f3c5a2e-1111-2222-3333-444455556666"),
        ("MAIL_INGEST_DESK_ADDRESS", "desk@newsroom.example"),
    ],
)
def test_whoever_needs_a_mailbox_that_is_not_there_is_told_which_setting_to_set(
    name: str, value: str
) -> None:
    (sentence,) = oddities(**{name: value})
    assert sentence.endswith("Set MAIL_INGEST_GRAPH_MAILBOX.")


def test_each_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    environment = {"MAIL_INGEST_GRAPH_MAILBOX": MAILBOX, "MAIL_INGEST_EVENT_GRID_URL": TOPIC}
    with caplog.at_level(logging.WARNING):
        tell_odd_settings(Settings.read(environment), AzureSettings.read(environment))
    (line,) = caplog.records
    assert vars(line)["action"] == "settings_odd"
    assert line.message.endswith("Set both to the same.")
