"""An operator's view of the events that nobody took: seen, delivered again, gone."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.clock import SystemClock
from adapters.local.database import Database
from adapters.local.event_publisher import LocalEventPublisher
from adapters.local.event_pump import DeliveryRules, EventPump
from shared.events import DESCRIBED, MediaDescribed, media_described
from tests.support.local_http import local_http
from tests.support.server_process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.model import CloudEvent

MAIL = Path(__file__).parents[1] / "fixtures" / "emails" / "demo" / "cat_rescue_from_iphone.eml"
AT_ONCE = DeliveryRules(given_up_after=timedelta(0), least_attempts=1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path, {"MAIL_INGEST_DESCRIBER_WORKERS": "1"})
    yield process
    process.kill()


async def give_up(server: ServerProcess, event: CloudEvent) -> None:
    """Leave an event in the state that a day of refusals leaves it in."""

    async def refuse(_event: CloudEvent) -> bool:
        return False

    with closing(Database(server.folder / "data" / "state.db")) as database:
        await LocalEventPublisher(database, SystemClock()).publish(event)
        pump = EventPump(database, SystemClock(), AT_ONCE)
        pump.subscribe(DESCRIBED, refuse)
        await pump.deliver_due()


def warnings(server: ServerProcess) -> list[str]:
    return local_http.get(f"{server.url}/health/ready").json()["warnings"]


def test_an_event_that_nobody_took_is_shown_and_delivered_again(server: ServerProcess) -> None:
    replayed = server.command("replay", str(MAIL), "--wait", "--json")
    submission_id = json.loads(replayed.stdout)["id"]
    unreadable = MediaDescribed(job_id=f"{submission_id}:9", status="unreadable", reason="Broken.")
    event = media_described(unreadable, SystemClock().now(), taken_at=0)
    asyncio.run(give_up(server, event))
    server.start()
    server.wait_until_ready()

    assert warnings(server) == [
        "Events that were given up: 1; see `mail-ingest dead-letters list`."
    ]
    (line,) = server.command("dead-letters", "list", "--json").stdout.splitlines()
    assert json.loads(line)["event_id"] == event.id
    assert json.loads(line)["submission_id"] == submission_id
    table = server.command("dead-letters", "list").stdout.replace("│", " ")
    assert f"Nobody took its event {event.id} (attempts: 1)." in " ".join(table.split())
    done = server.command("dead-letters", "resubmit", submission_id)
    assert done.stdout == "Events that will be delivered again by the server: 1.\n"

    deadline = time.monotonic() + 20
    while warnings(server) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert server.command("dead-letters", "list").stdout == "Nothing was given up.\n"
    again = server.command("dead-letters", "resubmit", submission_id)
    assert again.returncode == 1
    assert f"Nothing with the ID {submission_id} was given up." in again.stderr
