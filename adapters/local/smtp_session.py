"""One SMTP connection: what aiosmtpd does, but with DATA that streams to disk.

aiosmtpd keeps a whole mail in memory as lines; here no more than a few chunks of it are. A mail is
taken with 250 only when file and folder are durable (RFC 5321 4.2.5). We never relay.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from email.utils import format_datetime
from typing import TYPE_CHECKING, AnyStr, cast, override

from aiosmtpd.smtp import SMTP, Envelope, Session

from adapters.local.maildir_delivery import MaildirDelivery
from adapters.local.smtp_data import DataDecoder
from adapters.local.smtp_hooks import SessionHooks
from adapters.local.smtp_policy import (
    BUSY,
    DISK_FULL,
    LATER,
    TOO_LARGE,
    TOO_SLOW,
    DataPatience,
)
from mail_ingest.authentication import OUTSIDE_FIELD
from shared.errors import StorageFullError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from adapters.local.smtp_policy import SmtpPolicy
    from shared.connection_limit import ConnectionLimit
    from shared.ports import Clock

logger = logging.getLogger(__name__)

_LONGEST_COMMAND = 2048  # bytes; SMTPUTF8 paths and parameters fit (RFC 6531 3.4)


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
        limit: ConnectionLimit[SmtpSession],
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(
            SessionHooks(policy),
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
        self._limit = limit
        self._taking = False
        self._session_timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self in self._sessions:  # STARTTLS comes here a second time
            super().connection_made(transport)
            return
        if not self._limit.admit(self, _address(transport)) or self._limit.is_over(self):
            self._limit.remove(self)
            _turn_away(transport)
            return
        super().connection_made(transport)
        self._sessions.add(self)
        self._session_timer = self.loop.call_later(
            self._policy.max_session_s, self._say_and_close, TOO_SLOW
        )
        self._conversation().add_done_callback(self._forget)

    @property
    def is_idle(self) -> bool:
        """Whether no data is under way: see `ConnectionLimit`."""
        return not self._taking

    def displace(self) -> None:
        """Close it, because others need its place."""
        self._say_and_close(BUSY)

    @override
    def _timeout_cb(self) -> None:
        self._say_and_close(b"")

    def _say_and_close(self, reply: bytes) -> None:
        """End the session. A transport that is closed waits until all is sent, so for a client that
        does not read it would wait for ever.
        """
        if not isinstance(self.transport, asyncio.WriteTransport):
            return
        if reply:
            self.transport.write(reply)
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    @override
    async def push(self, status: AnyStr) -> None:
        await super().push(status)
        await asyncio.sleep(0)  # whoever sends many commands at once must not keep the event loop

    def end(self) -> asyncio.Task[None]:
        """Cut the connection; the task that ends with the session, its files put in order."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        return self._conversation()

    def _forget(self, conversation: asyncio.Task[None]) -> None:
        self._sessions.discard(self)
        self._limit.remove(self)
        if self._session_timer is not None:
            self._session_timer.cancel()
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
        self._taking = True
        try:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            verdict = await self._take(envelope)
        finally:
            self._taking = False
        self._limit.touch(self)
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
                taken = await delivery.commit()
                verdict = f"250 2.0.0 Taken as {taken.submission_id}"
                self._delivered()
                facts = {
                    "action": "smtp_mail_taken",
                    "mail": taken.name,
                    "submission_id": taken.submission_id,
                }
                logger.info("mail taken by SMTP", extra=facts)
        except (OSError, StorageFullError) as exc:
            verdict = _not_stored(exc)
        finally:
            await delivery.abandon()
        return verdict

    async def _stream(self, delivery: MaildirDelivery) -> str | None:
        """Read to the end of the data; the reply when it was refused. What is refused is read on,
        so that the client listens (RFC 5321 4.2.5), but not for ever.
        """
        decoder, patience = DataDecoder(), DataPatience(self._policy)
        limit = self._policy.max_message_bytes
        size, verdict = 0, None
        while not decoder.ended:
            data = decoder.feed(await self._next_chunk(patience))
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

    async def _next_chunk(self, patience: DataPatience) -> bytes:
        try:
            chunk = await patience.read(self._reader)
        except TimeoutError as exc:
            self._say_and_close(TOO_SLOW)
            raise ConnectionResetError from exc
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
        outside = () if self._policy.trusts(peer) else (f"{OUTSIDE_FIELD}: yes",)
        peer = f"IPv6:{peer}" if ":" in peer else peer  # RFC 5321 4.1.3
        when = format_datetime(self._clock.now())
        lines = (
            f"Return-Path: <{sender}>",
            *outside,
            f"Received: from {_printable(session.host_name or 'unknown')} ([{peer}])",
            f"\tby {self._policy.hostname} with {protocol}; {when}",
            "",
        )
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def _address(transport: asyncio.BaseTransport) -> str:
    peer: object = transport.get_extra_info("peername")
    return str(cast("tuple[object]", peer)[0]) if isinstance(peer, tuple) else ""


def _turn_away(transport: asyncio.BaseTransport) -> None:
    """Say to one client too many that it should come again."""
    transport.set_protocol(asyncio.Protocol())
    if isinstance(transport, asyncio.WriteTransport):
        transport.write(BUSY)
    transport.close()


def _not_stored(exc: OSError | StorageFullError) -> str:
    """The reply when storing failed. A lost connection is not a failure of storing."""
    if isinstance(exc, ConnectionError):
        raise exc
    logger.error("mail not stored", exc_info=exc, extra={"action": "smtp_mail_not_stored"})
    return DISK_FULL if isinstance(exc, StorageFullError) else LATER


def _printable(text: str) -> str:
    """A client's words, fit for a header field."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)[:255]
