"""The traceparent that goes with the data."""

from __future__ import annotations

import asyncio

import pytest

from shared import events
from shared.tracing import (
    NO_TELEMETRY,
    carried,
    current_trace_id,
    current_traceparent,
    is_traceparent,
    within,
)
from tests.support.clocks import START
from tests.support.core import a_submission

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        TRACEPARENT.upper(),
        TRACEPARENT + "-more",
        TRACEPARENT + "\n",
        "ff" + TRACEPARENT[2:],
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        "00-" + "é" * 32 + "-b7ad6b7169203331-01",
    ],
)
def test_what_is_no_traceparent_is_not_gone_on_with(text: str) -> None:
    assert not is_traceparent(text)


def test_a_traceparent_of_a_later_version_is_gone_on_with() -> None:
    assert is_traceparent(TRACEPARENT)
    assert is_traceparent("01" + TRACEPARENT[2:])


def test_outside_of_a_span_nothing_is_carried() -> None:
    assert current_traceparent() == ""
    assert current_trace_id() == ""
    assert carried() == {}
    assert events.accepted(a_submission(), START).traceparent is None


def test_messages_and_events_take_the_current_trace_along() -> None:
    with within(TRACEPARENT):
        assert current_trace_id() == TRACE_ID
        assert carried() == {"traceparent": TRACEPARENT}
        assert events.accepted(a_submission(), START).traceparent == TRACEPARENT
    assert current_traceparent() == ""


async def test_the_trace_follows_tasks_and_threads_and_stays_out_of_others() -> None:
    other = asyncio.create_task(_waited())
    with within(TRACEPARENT):
        mine = asyncio.create_task(_waited())
        assert await asyncio.to_thread(current_traceparent) == TRACEPARENT
    assert await mine == TRACEPARENT
    assert await other == ""


async def _waited() -> str:
    await asyncio.sleep(0)
    return current_traceparent()


def test_without_telemetry_a_span_is_nothing_and_lets_errors_through() -> None:
    NO_TELEMETRY.count("replies", state="sent")
    NO_TELEMETRY.record("submission_bytes", 1)
    NO_TELEMETRY.gauge("queue_depth", 1)
    with NO_TELEMETRY.span("receive_mail", parent=TRACEPARENT) as span:
        span.set(status=1)
        assert current_traceparent() == ""
    with pytest.raises(ValueError, match="as it was"), NO_TELEMETRY.span("receive_mail"):
        raise ValueError("as it was")
