from __future__ import annotations

from typing import TYPE_CHECKING

from host.data_folder import DataFolder
from host.local import local_parts
from shared.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


async def test_what_a_killed_server_had_in_hand_is_taken_up_at_once(tmp_path: Path) -> None:
    settings = Settings.read({"MAIL_INGEST_DATA": str(tmp_path)})
    folder = DataFolder.open(tmp_path)
    async with local_parts(settings, folder) as parts:
        queue = parts.services.stores.queue
        await queue.send("mail-one", b"{}")
        assert len(await queue.receive(max_messages=1, max_wait_s=1)) == 1
    async with local_parts(settings, folder) as parts:
        (again,) = await parts.services.stores.queue.receive(max_messages=1, max_wait_s=1)
        assert (again.message_id, again.delivery_count) == ("mail-one", 2)
