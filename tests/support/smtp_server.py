"""A mail server for tests, over a real socket, that says what the test wants."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Taken:
    """A mail as the server took it."""

    sender: str
    recipients: list[str]
    content: bytes
    encrypted: bool
    options: list[str]


@dataclass
class MailServer:
    """Replies by step; an empty reply means the usual one. `hang_up_after_data` takes the mail and
    hangs up before it says so.
    """

    mail_reply: str = ""
    rcpt_reply: str = ""
    data_reply: str = ""
    hang_up_after_data: bool = False
    utf8: bool = True
    password: bytes = b""
    port: int = 0
    taken: list[Taken] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802
        self, _s: SMTP, _c: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.mail_reply or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _s: SMTP, _c: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if not self.rcpt_reply:
            envelope.rcpt_tos.append(address)
        return self.rcpt_reply or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if not self.data_reply:
            content = envelope.content
            assert isinstance(content, bytes)
            taken = Taken(
                sender=envelope.mail_from or "",
                recipients=envelope.rcpt_tos,
                content=content,
                encrypted=session.ssl is not None,
                options=envelope.mail_options,
            )
            self.taken.append(taken)
        if self.hang_up_after_data and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return self.data_reply or "250 OK"

    def _authenticate(
        self, _s: SMTP, _c: Session, _e: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        known = isinstance(data, LoginPassword) and data.password == self.password
        return AuthResult(success=known, handled=False)

    def protocol(self, tls: ssl.SSLContext | None, *, implicit: bool) -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it does not see that the connection is all TLS
            return self._smtp(tls, implicit=implicit)

    def _smtp(self, tls: ssl.SSLContext | None, *, implicit: bool) -> SMTP:
        return SMTP(
            self,
            enable_SMTPUTF8=self.utf8,
            hostname="mail.example",
            tls_context=None if implicit else tls,
            authenticator=self._authenticate if self.password else None,
            auth_required=bool(self.password),
            auth_require_tls=not implicit,
        )


@asynccontextmanager
async def mail_server(
    server: MailServer, tls: ssl.SSLContext | None = None, *, implicit: bool = False
) -> AsyncGenerator[MailServer]:
    """Serve for as long as the block lasts."""
    listening = await asyncio.get_running_loop().create_server(
        lambda: server.protocol(tls, implicit=implicit),
        "127.0.0.1",
        ssl=tls if implicit else None,
    )
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        listening.abort_clients()
        await asyncio.sleep(0)
