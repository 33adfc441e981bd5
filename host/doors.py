"""The doors of one machine: HTTP and SMTP, with what lies behind each."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from adapters.local.smtp_listener import SmtpListener
from adapters.local.smtp_session import SmtpPolicy
from adapters.web.address_guard import AddressGuard
from host.readiness import readiness
from http_intake.app import build_app
from http_intake.doors import Doors, HttpSettings
from http_intake.serving import ServerSettings, serving
from mail_ingest.collect import MediaLimits
from mail_ingest.mime.limits import Limits
from mail_ingest.receive import ReceivePolicy, receive
from mail_ingest.screen import ScreenPolicy
from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from host.data_folder import DataFolder
    from host.local import LocalParts
    from http_intake.doors import ReceiveMail
    from shared.intake import Intake
    from shared.settings import Settings


def receive_policy(settings: Settings) -> ReceivePolicy:
    """What of a mail is taken."""
    intake = settings.intake
    own = {address.lower() for address in (*intake.own_addresses, settings.answer.from_address)}
    return ReceivePolicy(
        max_message_bytes=intake.max_message_bytes,
        limits=Limits(
            parts=intake.max_mime_parts,
            depth=intake.max_mime_depth,
            header_bytes=intake.max_header_bytes,
            header_lines=intake.max_header_lines,
            decoded_bytes=intake.max_decoded_bytes,
        ),
        media=_media_limits(settings),
        screen=ScreenPolicy(own_addresses=frozenset(own)),
        authserv_id=intake.authserv_id,
    )


def mail_receiver(settings: Settings, intake: Intake) -> ReceiveMail:
    """The one function that takes a raw mail, whichever door it came by."""
    return partial(receive, intake=intake, policy=receive_policy(settings))


@asynccontextmanager
async def open_http_door(
    settings: Settings, parts: LocalParts, receive_mail: ReceiveMail
) -> AsyncGenerator[str]:
    """Serve HTTP for as long as the block lasts; its base URL. Raises SettingsError."""
    doors = Doors(
        settings=_http_settings(settings),
        intake=parts.services.stores.intake(),
        receive_mail=receive_mail,
        check_callback=AddressGuard(settings.answer.webhook_allow).check_url,
        readiness=partial(readiness, parts),
        new_key=parts.new_key,
    )
    http = settings.http
    server = ServerSettings(
        host=http.host,
        port=http.port,
        keep_alive_s=http.keep_alive_s,
        stop_s=http.stop_s,
        max_connections=http.max_connections,
    )
    has_keys = bool(doors.settings.keys)
    async with serving(build_app(doors), server, has_keys=has_keys) as address:
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
            idle_timeout_s=smtp.idle_timeout_s,
            hostname=smtp.hostname,
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


def read_keys(entries: tuple[str, ...]) -> dict[str, str]:
    """MAIL_INGEST_KEYS as a mapping of clients to the SHA-256 of their keys; not yet checked."""
    return {client: digest for client, _, digest in (entry.partition("=") for entry in entries)}


def _http_settings(settings: Settings) -> HttpSettings:
    http = settings.http
    return HttpSettings(
        keys=read_keys(http.keys),
        public_base_url=http.public_url,
        max_submission_bytes=http.max_submission_bytes,
        max_message_bytes=settings.intake.max_message_bytes,
        media=_media_limits(settings),
        max_parts=http.max_parts,
        read_timeout_s=http.read_timeout_s,
        min_bytes_per_s=http.min_bytes_per_s,
    )


def _media_limits(settings: Settings) -> MediaLimits:
    return MediaLimits(
        max_media=settings.intake.max_media, max_media_bytes=settings.intake.max_media_bytes
    )


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
