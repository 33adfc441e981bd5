"""What aiosmtpd asks about a client's commands; the names of the methods are given by aiosmtpd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.local.smtp_policy import NOT_HERE, TOO_MANY

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

    from adapters.local.smtp_policy import SmtpPolicy


class SessionHooks:
    """Who may write to whom, by the policy."""

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
