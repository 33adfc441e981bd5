"""What is taken in and what lies behind the HTTP door, the same on every platform."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

from adapters.web.address_guard import AddressGuard
from http_intake.doors import Doors, HttpSettings
from mail_ingest.collect import MediaLimits
from mail_ingest.mime.limits import Limits
from mail_ingest.poll import MailboxPoller, PollPolicy
from mail_ingest.receive import ReceivePolicy, receive
from mail_ingest.screen import ScreenPolicy
from shared.connection_limit import read_networks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from host.services import Stores
    from http_intake.doors import Readiness, ReceiveMail
    from http_intake.serving import ServerSettings
    from mail_ingest.ports import Mailbox
    from mail_ingest.receive import MailOrigin
    from shared.intake import Accepted, Intake
    from shared.settings import Settings


def receive_policy(settings: Settings, *mailboxes: str) -> ReceivePolicy:
    """What of a mail is taken. `mailboxes` are addresses that mails are read at: ours as well."""
    intake = settings.intake
    ours = (*intake.own_addresses, settings.answer.from_address, *mailboxes)
    own = {address.lower() for address in ours}
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
        screen=ScreenPolicy(
            own_addresses=frozenset(own),
            own_servers=frozenset(_own_servers(settings)),
            max_age_days=settings.answer.max_age_days,
        ),
        authserv_id=intake.authserv_id,
    )


def _own_servers(settings: Settings) -> set[str]:
    """What our mail servers call themselves in Received fields."""
    names = (settings.intake.authserv_id, settings.smtp_in.hostname)
    return {name.lower() for name in names if name}


def mail_receiver(settings: Settings, intake: Intake, *mailboxes: str) -> ReceiveMail:
    """The one function that takes a raw mail, whichever door it came by; see `receive_policy`."""
    policy = receive_policy(settings, *mailboxes)

    async def receive_mail(chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> Accepted:
        with intake.telemetry.span("receive_mail", submission_id=origin.submission_id):
            return await receive(chunks, origin=origin, intake=intake, policy=policy)

    return receive_mail


def mailbox_poller(
    settings: Settings, stores: Stores, mailbox: Mailbox, receive_mail: ReceiveMail
) -> MailboxPoller:
    """What takes mail out of a mailbox."""
    intake = settings.intake
    return MailboxPoller(
        mailbox,
        receive_mail,
        publisher=stores.publisher,
        clock=stores.clock,
        policy=PollPolicy(
            concurrency=intake.poll_concurrency,
            interval_s=intake.poll_interval_s,
            lifetime_s=intake.poll_claim_s,
            max_attempts=intake.poll_max_attempts,
            retry_delay_s=intake.poll_retry_delay_s,
            pause_s=intake.poll_pause_s,
        ),
    )


def http_doors(
    settings: Settings,
    intake: Intake,
    receive_mail: ReceiveMail,
    readiness: Callable[[], Awaitable[Readiness]],
) -> Doors:
    """What the HTTP door is given. Raises SettingsError."""
    return Doors(
        settings=_http_settings(settings),
        intake=intake,
        receive_mail=receive_mail,
        check_callback=AddressGuard(settings.answer.webhook_allow).check_url,
        readiness=readiness,
        new_key=partial(secrets.token_hex, 16),
        telemetry=intake.telemetry,
    )


def server_settings(settings: Settings) -> ServerSettings:
    """Where the HTTP door is, and how long it waits."""
    from http_intake.serving import ServerSettings  # a Functions app has no server

    http = settings.http
    return ServerSettings(
        host=http.host,
        port=http.port,
        keep_alive_s=http.keep_alive_s,
        stop_s=http.stop_s,
        max_connections=http.max_connections,
        max_connections_per_peer=http.max_connections_per_peer,
        trusted_proxies=read_networks("MAIL_INGEST_HTTP_TRUSTED_PROXIES", http.trusted_proxies),
    )


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
