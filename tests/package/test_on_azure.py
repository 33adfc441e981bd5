"""The tests of the Functions app on the ports of Azure, with the published app in its place."""

from __future__ import annotations

from tests.functions.test_on_azure import (
    cloud,
    describer_settings,
    service_bus,
    test_a_form_ends_in_a_signed_webhook,
    test_a_mail_in_the_mailbox_is_answered_in_its_thread,
    test_an_event_that_comes_twice_changes_nothing,
    test_the_app_is_ready_when_the_index_answers,
)

__all__ = [
    "cloud",
    "describer_settings",
    "service_bus",
    "test_a_form_ends_in_a_signed_webhook",
    "test_a_mail_in_the_mailbox_is_answered_in_its_thread",
    "test_an_event_that_comes_twice_changes_nothing",
    "test_the_app_is_ready_when_the_index_answers",
]
