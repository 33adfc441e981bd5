"""Hands outgoing mails to an SMTP server (RFC 5321, 6409), one connection for each.

What a reply code means: 5xx refuses for good, 4xx and a lost connection may pass. A wrong password
or a missing STARTTLS is our own set-up, which an operator mends while the mail waits; it is never
sent unprotected instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import smtplib
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mail_ingest.visible import visible
from shared.errors import SettingsError
from shared.events import rfc3339
from shared.ports import ReplyReceipt, ReplyState

if TYPE_CHECKING:
    from mail_ingest.reply import OutgoingMail
    from shared.ports import Clock

logger = logging.getLogger(__name__)

_TIMEOUT_S = 30.0  # of each step of a conversation
_AT_ONCE = 4  # conversations; their threads are our own, so that a slow server holds up nobody else
_OUR_SETUP = frozenset({530, 534, 535, 538})  # authentication (RFC 4954 section 6)
_ADDRESS = re.compile(r"\S+@\S+")


class TlsMode(StrEnum):
    """How the connection is protected."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """A mail server that sends for us. `hostname` is what we call ourselves; `envelope_sender` gets
    the bounces, and nobody does when it is empty (RFC 3834 3.3).
    """

    host: str
    port: int
    tls: TlsMode
    user: str = ""
    password: str = field(default="", repr=False)
    hostname: str = "localhost"
    envelope_sender: str = ""


def tls_mode(text: str) -> TlsMode:
    """Read the setting. Raises SettingsError."""
    try:
        return TlsMode(text)
    except ValueError as exc:
        raise SettingsError(
            "MAIL_INGEST_SMTP_TLS", f"{text!r} is not one of {', '.join(TlsMode)}."
        ) from exc


class SmtpSender:
    """Delivers through one server. `tls` replaces the trusted certificates."""

    def __init__(
        self, server: SmtpServer, *, clock: Clock, tls: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._clock = clock
        self._tls = tls or ssl.create_default_context()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="smtp-sender")

    async def deliver(self, mail: OutgoingMail) -> ReplyReceipt:
        """Try once. Never raises for what the server or the network does."""
        loop = asyncio.get_running_loop()
        receipt = await loop.run_in_executor(self._threads, self._converse, mail)
        if receipt.state is not ReplyState.SENT:
            logger.warning(
                "mail not sent", extra={"action": "mail_not_sent", "reason": receipt.reason}
            )
        return receipt

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _converse(self, mail: OutgoingMail) -> ReplyReceipt:
        try:
            client = self._connect()
        except (OSError, smtplib.SMTPException) as exc:
            return _unavailable(f"The mail server cannot be used ({_words(exc)}).")
        try:
            self._hand_over(client, mail)
        except (OSError, smtplib.SMTPException) as exc:
            client.close()
            return _receipt(exc)
        # Said by another thread, so that the receipt is in the ledger as soon as can be.
        threading.Thread(target=_quit, args=(client,), daemon=True).start()
        return ReplyReceipt(state=ReplyState.SENT, at=rfc3339(self._clock.now()))

    def _connect(self) -> smtplib.SMTP:
        """A connection on which mail may be handed over: protected, and logged in."""
        server = self._server
        if server.tls is TlsMode.IMPLICIT:
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, server.hostname, timeout=_TIMEOUT_S, context=self._tls
            )
        else:
            client = smtplib.SMTP(server.host, server.port, server.hostname, timeout=_TIMEOUT_S)
        try:
            if server.tls is TlsMode.STARTTLS:
                client.starttls(context=self._tls)
            if server.user:
                client.login(server.user, server.password)
        except (OSError, smtplib.SMTPException):
            client.close()
            raise
        return client

    def _hand_over(self, client: smtplib.SMTP, mail: OutgoingMail) -> None:
        options = ("SMTPUTF8", "BODY=8BITMIME") if mail.smtputf8 else ()
        client.ehlo_or_helo_if_needed()
        if mail.smtputf8 and not client.has_extn("smtputf8"):
            raise smtplib.SMTPNotSupportedError("the server cannot write to this address")
        client.sendmail(self._server.envelope_sender, [mail.recipient], mail.content, options)


def _receipt(exc: OSError | smtplib.SMTPException) -> ReplyReceipt:
    """What a failed hand-over means."""
    code, text = _reply(exc)
    if isinstance(exc, smtplib.SMTPNotSupportedError):
        return ReplyReceipt(
            state=ReplyState.REFUSED,
            reason="The mail server cannot write to an address with such letters (SMTPUTF8).",
        )
    if code // 100 == 5 and code not in _OUR_SETUP:
        reason = f"The mail server refused the mail for good ({code} {text})."
        return ReplyReceipt(state=ReplyState.REFUSED, reason=reason)
    return _unavailable(f"The mail server did not take the mail ({_words(exc)}).")


def _reply(exc: OSError | smtplib.SMTPException) -> tuple[int, str]:
    """The code and the text of the server's reply; 0 when there was none."""
    if isinstance(exc, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(exc.recipients.values()))
    elif isinstance(exc, smtplib.SMTPResponseException):
        code, text = exc.smtp_code, exc.smtp_error
    else:
        return 0, ""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    # The reason is logged, and servers like to repeat the address.
    return code, _ADDRESS.sub("(address)", visible(words))[:200]


def _words(exc: OSError | smtplib.SMTPException) -> str:
    code, text = _reply(exc)
    return f"{code} {text}" if code else type(exc).__name__


def _unavailable(reason: str) -> ReplyReceipt:
    return ReplyReceipt(state=ReplyState.UNAVAILABLE, reason=reason)


def _quit(client: smtplib.SMTP) -> None:
    with contextlib.suppress(OSError, smtplib.SMTPException):
        client.quit()
    client.close()
