"""Settings that are no mistake each, and together do something that nobody means: told in the log,
once, when a program starts. Nothing stops because of them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.settings import Settings
    from shared.settings.azure import AzureSettings

logger = logging.getLogger(__name__)


def tell_odd_settings(settings: Settings, azure: AzureSettings) -> None:
    """Log a line for each of them."""
    for sentence in odd_settings(settings, azure):
        # The text, not a fact beside it: as in host/setting_names.py.
        logger.warning("%s", sentence, extra={"action": "settings_odd"})


def odd_settings(settings: Settings, azure: AzureSettings) -> Iterator[str]:
    """What does not fit together, a sentence each, without any address."""
    if not azure.event_grid.url:
        yield (
            "There is no topic for events, by which we hear of descriptions: submissions are taken,"
            " and none is completed. Set MAIL_INGEST_EVENT_GRID_URL."
        )
    answer, mailbox = settings.answer, azure.graph.mailbox
    if mailbox and answer.from_address.lower() != mailbox.lower():
        yield (
            "MAIL_INGEST_FROM_ADDRESS is not the address in MAIL_INGEST_GRAPH_MAILBOX. Replies in"
            " a thread leave as the mailbox all the same; Exchange refuses our other mails, unless"
            " it lets the mailbox send as that address. Set both to the same."
        )
    if not mailbox and azure.logic_app.principal:
        yield (
            "The Logic App hands mails in, and there is no mailbox to answer them from: they are"
            " taken, and their answers are refused. Set MAIL_INGEST_GRAPH_MAILBOX."
        )
    if not mailbox and answer.desk_address:
        yield (
            "MAIL_INGEST_DESK_ADDRESS is set, and there is no mailbox to write to it from: the desk"
            " hears by events and the log only. Set MAIL_INGEST_GRAPH_MAILBOX."
        )
