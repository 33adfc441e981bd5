"""Sends the sample mails, each by another door, as strangers would."""

from __future__ import annotations

import asyncio
import smtplib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from mail_ingest.message import read_message
from mail_ingest.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from host.server import Running
    from mail_ingest.message import Message
    from mail_ingest.receive import ReceivePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A mail that was handed over. `submission_id` is empty where the door does not tell it."""

    name: str
    door: str
    message_id: str
    submission_id: str = ""


async def send_by_smtp(host: Running, file: Path) -> Sent:
    """Talk to the SMTP listener, as a mail server does."""
    message = _message(file)

    def talk() -> None:
        if host.smtp_address is None:
            raise RuntimeError("the SMTP door is closed")
        with smtplib.SMTP(*host.smtp_address, timeout=30) as client:
            sender = message.author.spec if message.author else ""
            client.sendmail(sender, ["photos@newsroom.example"], file.read_bytes())

    await asyncio.to_thread(talk)
    return Sent(name=file.name, door="SMTP", message_id=message.message_id)


async def send_by_http(host: Running, file: Path) -> Sent:
    """POST /v1/emails, as a Logic App does."""
    async with httpx.AsyncClient(base_url=host.http_url, trust_env=False) as client:
        response = await client.post(
            "/v1/emails",
            content=await asyncio.to_thread(file.read_bytes),
            headers={"content-type": "message/rfc822", "idempotency-key": file.stem},
        )
    response.raise_for_status()
    return Sent(
        name=file.name,
        door="POST /v1/emails",
        message_id=_message(file).message_id,
        submission_id=response.json()["id"],
    )


async def send_by_replay(host: Running, file: Path, policy: ReceivePolicy) -> Sent:
    """Feed a stored mail in."""
    replay = Replay(intake=host.parts.services.stores.intake(), policy=policy, answer=True)
    (replayed,) = [result async for result in replay.run([file])]
    if replayed.accepted is None:
        raise RuntimeError(f"{file.name}: {replayed.problem}")
    return Sent(
        name=file.name,
        door="replay",
        message_id=_message(file).message_id,
        submission_id=replayed.accepted.submission.id,
    )


async def send_by_maildir(host: Running, file: Path) -> Sent:
    """Deliver into the Maildir, as a mail server on the same machine does."""
    new = host.parts.folder.mailbox / "new" / f"{file.stem}.demo"
    await asyncio.to_thread(lambda: new.write_bytes(file.read_bytes()))
    return Sent(name=file.name, door="Maildir", message_id=_message(file).message_id)


async def send_files(host: Running, files: Sequence[Path], callback_url: str) -> Sent:
    """POST /v1/submissions, as a partner does."""
    contents = await asyncio.to_thread(_contents, files)
    async with httpx.AsyncClient(base_url=host.http_url, trust_env=False) as client:
        response = await client.post(
            "/v1/submissions",
            files=[("file", content) for content in contents],
            data={
                "callback_url": callback_url,
                "reference": "demo-1",
                "text": "Boats in the harbour, and the launch from the beach.",
            },
            headers={"idempotency-key": "demo"},
        )
    response.raise_for_status()
    return Sent(
        name=" + ".join(file.name for file in files),
        door="POST /v1/submissions",
        message_id="",
        submission_id=response.json()["id"],
    )


def _contents(files: Sequence[Path]) -> list[tuple[str, bytes]]:
    return [(file.name, file.read_bytes()) for file in files]


def _message(file: Path) -> Message:
    header, _, _ = file.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    return read_message(header)
