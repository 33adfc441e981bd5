"""The doors of one machine: HTTP and SMTP, with what lies behind each."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_network
from typing import TYPE_CHECKING

from adapters.local.smtp_listener import SmtpListener
from adapters.local.smtp_policy import SmtpPolicy
from host.intake import http_doors, server_settings
from host.readiness import readiness
from http_intake.app import build_app
from http_intake.serving import serving
from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from ipaddress import IPv4Network, IPv6Network

    from host.data_folder import DataFolder
    from host.local import LocalParts
    from http_intake.doors import ReceiveMail
    from shared.settings import Settings


@asynccontextmanager
async def open_http_door(
    settings: Settings, parts: LocalParts, receive_mail: ReceiveMail
) -> AsyncGenerator[str]:
    """Serve HTTP for as long as the block lasts; its base URL. Raises SettingsError."""
    intake = parts.services.stores.intake()
    doors = http_doors(settings, intake, receive_mail, partial(readiness, parts))
    has_keys = bool(doors.settings.keys)
    has_name = bool(settings.http.public_url)
    server = server_settings(settings)
    async with serving(build_app(doors), server, has_keys=has_keys, has_name=has_name) as address:
        yield address.url


@asynccontextmanager
async def open_smtp_door(
    settings: Settings, folder: DataFolder, parts: LocalParts
) -> AsyncGenerator[tuple[str, int] | None]:
    """Take mail by SMTP for as long as the block lasts; host and port. Raises SettingsError."""
    smtp = settings.smtp_in
    if smtp.port < 0:
        yield None
        return
    listener = SmtpListener(
        folder.mailbox,
        SmtpPolicy(
            recipients=frozenset(each.lower() for each in smtp.recipients),
            max_message_bytes=settings.intake.max_message_bytes,
            max_recipients=smtp.max_recipients,
            max_connections=smtp.max_connections,
            max_connections_per_peer=smtp.max_connections_per_peer,
            idle_timeout_s=smtp.idle_timeout_s,
            min_bytes_per_s=smtp.min_bytes_per_s,
            max_session_s=smtp.max_session_s,
            hostname=smtp.hostname,
            trusted_peers=tuple(_network(each) for each in smtp.trusted_peers),
        ),
        clock=parts.services.stores.clock,
        delivered=parts.mailbox.wake,
        tls=_tls(smtp.certificate),
    )
    port = await listener.start(smtp.host, smtp.port, allow_remote=smtp.open)
    try:
        yield smtp.host, port
    finally:
        await listener.stop()


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as exc:
        raise SettingsError(
            "MAIL_INGEST_SMTP_TRUSTED_PEERS",
            f"{text!r} is not an address or a network. Write one such as 10.0.0.5 or 10.0.0.0/24.",
        ) from exc


def _tls(certificate: str) -> ssl.SSLContext | None:
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate)
    except (OSError, ssl.SSLError) as exc:
        raise SettingsError(
            "MAIL_INGEST_SMTP_CERTIFICATE", f"{certificate} cannot be used: {exc}."
        ) from exc
    return context
