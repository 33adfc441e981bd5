"""``python -m tests.support.graph_reader_process URL FOLDER``: reads a Graph mailbox into a folder.

For each line on its standard input it looks once, works off what it finds, and prints the count.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

from adapters.azure.graph_mail import GraphMail
from adapters.azure.mailbox import GraphMailbox
from mail_ingest.poll import MailboxPoller
from mail_ingest.receive import ReceivePolicy, receive
from tests.support.graph import ADDRESS, graph_client
from tests.support.graph_memory import MemoryMailboxState
from tests.support.local_services import local_services


async def main(url: str, folder: Path) -> None:
    """Read the mailbox of the Graph at `url`."""
    with local_services(folder) as services:
        async with graph_client(url) as client:
            poller = MailboxPoller(
                GraphMailbox(
                    GraphMail(client, ADDRESS), MemoryMailboxState(), clock=services.clock
                ),
                partial(receive, intake=services.intake, policy=ReceivePolicy()),
                publisher=services.publisher,
                clock=services.clock,
            )
            while await asyncio.to_thread(sys.stdin.readline):
                sys.stdout.write(f"{await poller.poll_once()}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
