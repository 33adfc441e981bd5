"""An intake on Azure's storage in a process of its own, which takes one mail as fast as it is told.

Arguments: the storage's connection string, container, table prefix, seconds that a turn lives, and
a text that tells the mail of this process from others. It answers each line of its input: ``photo``
sends the next part of the mail, ``end`` its end, ``fail`` breaks off. It says ``begun`` when its
turn has come, ``photo`` when the photo is stored, and at last ``accepted`` or ``failed``.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from adapters.azure.blob_store import AzureBlobStore
from adapters.azure.intake_journal import TableIntakeJournal
from adapters.azure.submission_index import TableSubmissionIndex
from adapters.azure.tables import Tables
from adapters.clock import SystemClock
from mail_ingest.receive import MailOrigin, ReceivePolicy, receive
from shared.intake import Intake
from shared.settings.azure import StorageSettings
from shared.turns import Turns
from tests.support.images import noisy_image_bytes
from tests.support.mails import mail, photo, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


ORIGIN = MailOrigin(source="mail", key="the same for all", received_at="2026-11-24T12:00:00Z")


class Taken:
    """A queue that takes everything."""

    async def send(self, message_id: str, body: bytes, **_properties: object) -> None:
        del message_id, body


def raw(words: str) -> tuple[bytes, bytes]:
    """The mail, up to the end of its first photo and from there on."""
    photos = [noisy_image_bytes("PNG", (600 + n, 400)) for n in range(2)]
    whole = mail(text(words), *(photo(each, f"{n}.png") for n, each in enumerate(photos)))
    cut = whole.index(b"1.png")
    return whole[:cut], whole[cut:]


async def chunks(words: str) -> AsyncIterator[bytes]:
    """The mail, as the lines of the input say."""
    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    say("begun")
    parts = iter(raw(words))
    while (line := (await lines.readline()).decode().strip()) != "end":
        if line == "fail":
            raise ConnectionResetError
        yield next(parts)
        await asyncio.sleep(0.3)  # it is stored meanwhile
        say(line)
    for part in parts:
        yield part


async def main(connection: str, container: str, prefix: str, lives_s: str, words: str) -> None:
    storage = StorageSettings(
        connection_string=connection, container=container, table_prefix=prefix
    )
    clock, taken = SystemClock(), Taken()
    blobs, tables = AzureBlobStore.open(storage, clock), Tables.open(storage)
    journal = TableIntakeJournal(tables.table("Intakes"))
    intake = Intake(
        blobs=blobs,
        queue=taken,  # pyright: ignore[reportArgumentType]
        index=TableSubmissionIndex(tables, clock),
        clock=clock,
        turns=Turns(journal, clock, lives_s=float(lives_s)),
    )
    try:
        accepted = await receive(
            chunks(words), origin=ORIGIN, intake=intake, policy=ReceivePolicy()
        )
        say("accepted" if accepted.first else "known")
    except ConnectionResetError:
        say("failed")
    finally:
        await blobs.close()
        await tables.close()


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
