"""The Logic App and the service's own mailbox poll over the same mails: each is one submission."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from mail_ingest.poll import MailboxPoller
from mail_ingest.receive import ReceivePolicy, receive
from tests.logicapp.stage import Stage, polled_id, stage
from tests.support.http_door import MAIL

if TYPE_CHECKING:
    from pathlib import Path


def poller(on: Stage) -> MailboxPoller:
    services = on.door.services
    return MailboxPoller(
        on.bench.mailbox(),
        partial(receive, intake=services.intake, policy=ReceivePolicy()),
        publisher=services.publisher,
        clock=services.clock,
    )


async def test_logic_app_and_poller_that_see_the_same_mail_make_one_submission(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as on:
        first, second = on.deliver(MAIL), on.deliver(MAIL, "<2@example.org>")
        seen = on.connector.item(second)
        assert (await on.run_for(first)).status == "Succeeded"
        on.bench.graph.mailbox.move(first, "inbox")  # as if the run had died before moving it
        assert await poller(on).poll_once() == 2
        late = await on.run_with(seen)
        assert late.status == "Succeeded"
        assert late.results["Export_the_message"].code == "404"
        assert late.results["Hand_in_by_reference"].code == "202"
        assert late.results["Move_to_submitted"].code == "404"
        assert sorted(await on.submissions()) == sorted([polled_id(), polled_id("<2@example.org>")])
        assert await on.door.services.queue.depth() == 2


async def test_logic_app_and_poller_at_the_same_time_make_one_submission_of_each_mail(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as on:
        message_ids = [f"<{number}@example.org>" for number in range(6)]
        messages = [on.deliver(MAIL, each) for each in message_ids]
        runs, _ = await asyncio.gather(
            asyncio.gather(*(on.run_for(each) for each in messages)), poller(on).poll_once()
        )
        assert {run.status for run in runs} == {"Succeeded"}
        assert sorted(await on.submissions()) == sorted(map(polled_id, message_ids))
        assert await on.door.services.queue.depth() == len(messages)
        assert on.folder("inbox") == []
