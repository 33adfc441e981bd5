"""How answers leave one machine: by a mail server or the outbox folder, and by signed webhooks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from adapters.local.outbox import Outbox
from adapters.local.reply_channel import LocalReplyChannel
from adapters.local.smtp_sender import SmtpSender, SmtpServer, tls_mode
from adapters.web.address_guard import AddressGuard
from adapters.web.signing import Signer, new_secret
from adapters.web.webhook import WebhookSender
from mail_ingest.reply import Sender

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.local.database import Database
    from adapters.local.reply_channel import MailTransport
    from host.data_folder import DataFolder
    from shared.ports import BlobStore, Clock
    from shared.settings import Settings


def reply_channel(
    settings: Settings, folder: DataFolder, database: Database, blobs: BlobStore, clock: Clock
) -> LocalReplyChannel:
    """The one reply channel; the settings say by which ways. Raises SettingsError."""
    answer = settings.answer
    webhooks = WebhookSender(
        AddressGuard(answer.webhook_allow),
        Signer(answer.webhook_secrets or (_own_secret(folder.secret),)),
        clock=clock,
        timeout_s=answer.webhook_timeout_s,
    )
    return LocalReplyChannel(
        database,
        blobs,
        transport=_transport(settings, folder, clock),
        webhooks=webhooks,
        sender=Sender(
            newsroom=answer.from_name,
            address=answer.from_address,
            suggestions=answer.suggestions,
        ),
        desk_address=answer.desk_address,
        clock=clock,
    )


def _transport(settings: Settings, folder: DataFolder, clock: Clock) -> MailTransport:
    answer = settings.answer
    if not answer.smtp_host:
        return Outbox(folder.outbox, clock=clock)
    server = SmtpServer(
        host=answer.smtp_host,
        port=answer.smtp_port,
        tls=tls_mode(answer.smtp_tls),
        user=answer.smtp_user,
        password=answer.smtp_password,
        hostname=settings.smtp_in.hostname,
        envelope_sender=answer.smtp_envelope_sender,
    )
    return SmtpSender(server, clock=clock)


def _own_secret(file: Path) -> str:
    """The secret of this data folder, made at its first use and readable by its owner only."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text("ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as written:
        secret = new_secret()
        written.write(f"{secret}\n")
        written.flush()
        os.fsync(written.fileno())
    return secret
