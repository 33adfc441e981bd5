"""One SMTP connection: what aiosmtpd does, but with DATA that streams to disk.

aiosmtpd keeps a whole mail in memory as lines; here no more than a few chunks of it are. A mail is
taken with 250 only when file and folder are durable (RFC 5321 4.2.5). We never relay.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING, override

from aiosmtpd.smtp import SMTP, Envelope, Session

from adapters.local.maildir_delivery import MaildirDelivery
from adapters.local.smtp_data import DataDecoder
from shared.errors import StorageFullError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from shared.ports import Clock

logger = logging.getLogger(__name__)

_CHUNK = 1024 * 1024  # more than the reader ever holds, so that a read empties it
_LONGEST_COMMAND = 2048  # bytes; SMTPUTF8 paths and parameters fit (RFC 6531 3.4)

TOO_LARGE = "552 5.3.4 The message is larger than the limit of {limit:,} bytes"
DISK_FULL = "452 4.3.1 The disk is full; please try again later"
LATER = "451 4.3.0 The message could not be stored; please try again later"
NOT_HERE = "550 5.7.1 We take no mail for this address, and relay none"
TOO_MANY = "452 4.5.3 Too many recipients"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpPolicy:
    """Whose mail is taken, and how much of it. `recipients` holds lower-case addresses and domains;
    empty: every recipient's.
    """

    recipients: frozenset[str] = frozenset()
    max_message_bytes: int = 157_286_400
    max_recipients: int = 100
    max_connections: int = 50
    idle_timeout_s: float = 300.0  # RFC 5321 4.5.3.2.7
    hostname: str = "localhost"

    def takes(self, recipient: str) -> bool:
        """Whether mail for this address is taken."""
        address = recipient.lower()
        domain = address.rpartition("@")[2]
        return not self.recipients or address in self.recipients or domain in self.recipients


class SmtpSession(SMTP):
    """Talks to one client and delivers into the Maildir at `folder`."""

    line_length_limit = 64 * 1024  # of the stream reader: how much it gathers before it pauses

    def __init__(
        self,
        folder: Path,
        policy: SmtpPolicy,
        *,
        clock: Clock,
        delivered: Callable[[], None],
        sessions: set[SmtpSession],
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(
            _Hooks(policy),
            data_size_limit=policy.max_message_bytes,
            enable_SMTPUTF8=True,
            hostname=policy.hostname,
            ident="ESMTP",
            tls_context=tls,
            timeout=policy.idle_timeout_s,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
        )
        # The base class shares one dict among all connections, and raises it with every EHLO.
        self.command_size_limits = defaultdict(lambda: _LONGEST_COMMAND)
        self.command_size_limit = _LONGEST_COMMAND
        self._folder = folder
        self._policy = policy
        self._clock = clock
        self._delivered = delivered
        self._sessions = sessions

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self not in self._sessions:  # STARTTLS comes here a second time
            self._sessions.add(self)
            self._conversation().add_done_callback(self._forget)

    def end(self) -> asyncio.Task[None]:
        """Cut the connection; the task that ends with the session, its files put in order."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        return self._conversation()

    def _forget(self, conversation: asyncio.Task[None]) -> None:
        self._sessions.discard(self)
        if not conversation.cancelled():
            conversation.exception()  # the loss of the connection, which is no news

    def _conversation(self) -> asyncio.Task[None]:
        if self._handler_coroutine is None:
            raise RuntimeError("the connection is not made yet")
        return self._handler_coroutine

    @override
    async def smtp_DATA(self, arg: str) -> None:
        envelope = self.envelope
        if envelope is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 Say RCPT TO first")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        verdict = await self._take(envelope)
        self._set_post_data_state()
        await self.push(verdict)

    @override
    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        try:
            return super()._getaddr(arg)
        except (AttributeError, IndexError, ValueError):  # the library trips over some nonsense
            return None, None

    @override
    async def handle_exception(self, error: Exception) -> str:
        logger.error(
            "SMTP session failed",
            exc_info=error,
            extra={"action": "smtp_session_failed"},
        )
        return LATER

    async def _take(self, envelope: Envelope) -> str:
        """Stream the data into the Maildir; the reply for the client."""
        sender = envelope.mail_from or "<>"
        delivery = MaildirDelivery(self._folder, front=self._front(envelope), sender=sender)
        try:
            verdict = await self._stream(delivery)
            if verdict is None:
                name = await delivery.commit()
                verdict = f"250 2.0.0 Taken as {name}"
                self._delivered()
                logger.info("mail taken by SMTP", extra={"action": "smtp_mail_taken", "mail": name})
        except (OSError, StorageFullError) as exc:
            verdict = _not_stored(exc)
        finally:
            await delivery.abandon()
        return verdict

    async def _stream(self, delivery: MaildirDelivery) -> str | None:
        """Read to the end of the data; the reply when it was refused. What is refused is read on,
        so that the client listens (RFC 5321 4.2.5), but not for ever.
        """
        decoder = DataDecoder()
        limit = self._policy.max_message_bytes
        size, verdict = 0, None
        while not decoder.ended:
            data = decoder.feed(await self._next_chunk())
            size += len(data)
            if verdict is None and size > limit:
                verdict = TOO_LARGE.format(limit=limit)
                await delivery.abandon()
            elif verdict is None:
                verdict = await self._write(delivery, data)
            elif size > 2 * limit:
                await self.push(verdict)
                raise ConnectionResetError
        if decoder.rest and not self._reader.at_eof():
            self._reader.feed_data(decoder.rest)  # the client is ahead of us: its next commands
        return verdict

    async def _write(self, delivery: MaildirDelivery, data: bytes) -> str | None:
        try:
            await delivery.write(data)
        except (OSError, StorageFullError) as exc:
            await delivery.abandon()
            return _not_stored(exc)
        return None

    async def _next_chunk(self) -> bytes:
        chunk = await self._reader.read(_CHUNK)
        if not chunk:
            raise ConnectionResetError
        self._reset_timeout()  # the base class gives the whole data the time of one command
        return chunk

    def _front(self, envelope: Envelope) -> bytes:
        """Return-Path and Received (RFC 5321 4.4), which end the way of a mail."""
        session = self.session or Session(self.loop)
        sender = (envelope.mail_from or "").strip("<>")
        protocol = "ESMTPS" if session.ssl else "ESMTP" if session.extended_smtp else "SMTP"
        peer = str(session.peer[0]) if isinstance(session.peer, tuple) else "local"
        peer = f"IPv6:{peer}" if ":" in peer else peer  # RFC 5321 4.1.3
        when = format_datetime(self._clock.now())
        lines = (
            f"Return-Path: <{sender}>",
            f"Received: from {_printable(session.host_name or 'unknown')} ([{peer}])",
            f"\tby {self._policy.hostname} with {protocol}; {when}",
            "",
        )
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")


class _Hooks:
    """What aiosmtpd asks about a client's commands; its names are given by aiosmtpd."""

    def __init__(self, policy: SmtpPolicy) -> None:
        self._policy = policy

    async def handle_EHLO(  # noqa: N802
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        return [line for line in responses if not line.startswith("250-AUTH")]  # we have no users

    async def handle_MAIL(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if not address.isprintable():  # it becomes a header field
            return "553 5.1.7 This is no address"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if not self._policy.takes(address):
            return NOT_HERE
        if len(envelope.rcpt_tos) >= self._policy.max_recipients:
            return TOO_MANY
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"


def _not_stored(exc: OSError | StorageFullError) -> str:
    """The reply when storing failed. A lost connection is not a failure of storing."""
    if isinstance(exc, ConnectionError):
        raise exc
    logger.error("mail not stored", exc_info=exc, extra={"action": "smtp_mail_not_stored"})
    return DISK_FULL if isinstance(exc, StorageFullError) else LATER


def _printable(text: str) -> str:
    """A client's words, fit for a header field."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)[:255]
