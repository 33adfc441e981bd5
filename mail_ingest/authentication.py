"""What our own mail server found out about a message's sender (RFC 8601). Pure.

Anybody can write an Authentication-Results field, so only one is believed: the topmost that bears
the name of our own server, whose border removes forged ones (RFC 8601 section 5); and in a mailbox
of Exchange, which writes no name, the topmost of all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mail_ingest.addresses import ascii_domain
from shared.model import Authentication

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Stands second in a mail that an SMTP client outside our servers has handed in, after Return-Path:
# what the mail says of its authentication is the client's word.
OUTSIDE_FIELD = "X-Mail-Ingest-Outside"
_UNKNOWN = "unknown"
_RESULTS = frozenset(
    {"none", "pass", "fail", "softfail", "neutral", "policy", "temperror", "permerror"}
)  # RFC 8601 section 2.7
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[();]|[^"\\();]+|["\\]', re.DOTALL)
_RESULT = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
# A quoted value is one piece, so that nothing inside it passes for another property.
_PROPERTY = re.compile(
    r'([a-z][a-z0-9-]*(?:\.[a-z0-9_-]+)?)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s";]+)', re.IGNORECASE
)
_EXCHANGE = re.compile(r"\s*(spf|dkim|dmarc|compauth)\s*=", re.IGNORECASE)
_LONGEST_FIELD = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodResult:
    """What one method found; `properties` by name in lower case, such as ``header.from``."""

    method: str
    result: str
    properties: Mapping[str, str]

    def domain(self, name: str, default: str = "") -> str:
        """The domain in a property, which may be an address, or what stands for a missing one."""
        value = self.properties.get(name, "").strip('"').rpartition("@")[2].rstrip(".")
        return ascii_domain((value or default).lower())


def authentication(
    fields: Sequence[str], authserv_id: str, *, from_exchange: bool = False, author_domain: str = ""
) -> Authentication:
    """The verdicts in the field that is believed; unknown where it says none. See `believed`.

    A DMARC pass of another domain than `author_domain` is none: the server read another From.
    """
    found = believed(fields, authserv_id, from_exchange=from_exchange)
    dmarc = [each for each in found if not _is_of_another(each, author_domain)]
    return Authentication(
        spf=_verdict(found, "spf"), dkim=_verdict(found, "dkim"), dmarc=_verdict(dmarc, "dmarc")
    )


def proven_domains(
    found: Sequence[MethodResult], *, author_domain: str, envelope_domain: str
) -> frozenset[str]:
    """The domains that have sent the message beyond doubt: of SPF the envelope's, of DKIM the
    signer's, of DMARC the author's.
    """
    proven: set[str] = set()
    for each in found:
        if each.result != "pass" or _is_of_another(each, author_domain):
            continue
        if each.method == "spf":
            proven.add(each.domain("smtp.mailfrom", envelope_domain))
        elif each.method == "dkim":
            proven.add(each.domain("header.d", each.domain("header.i")))
        elif each.method == "dmarc":
            proven.add(each.domain("header.from", author_domain))
    return frozenset(domain for domain in proven if "." in domain)


def believed(
    fields: Sequence[str], authserv_id: str, *, from_exchange: bool = False
) -> tuple[MethodResult, ...]:
    """What the one believed field says. `fields` are unfolded values from top to bottom.

    Exchange puts its field on top and gives it no name. What lies below came from outside, and
    where there is no field of Exchange, the topmost must bear our server's name.
    """
    for value in fields[:1] if from_exchange else fields:
        if from_exchange and _EXCHANGE.match(value):
            return tuple(_method_results(_statements(value[:_LONGEST_FIELD])))
        server, *results = _statements(value[:_LONGEST_FIELD])
        name = server.split()[0].strip('"') if server.split() else ""
        if authserv_id and name.lower() == authserv_id.lower():
            return tuple(_method_results(results))
    return ()


def _statements(value: str) -> list[str]:
    """Split at semicolons, leaving out comments (which nest) and minding quoted strings."""
    statements, depth = [""], 0
    for piece in _PIECE.findall(value):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif depth:
            continue
        elif piece == ";":
            statements.append("")
        else:
            statements[-1] += piece
    return statements


def _method_results(results: list[str]) -> Iterator[MethodResult]:
    for result in results:
        if match := _RESULT.match(result):
            properties: dict[str, str] = {}
            for name, value in _PROPERTY.findall(result[match.end() :]):
                properties.setdefault(name.lower(), value)
            yield MethodResult(
                method=match[1].lower(), result=match[2].lower(), properties=properties
            )


def _is_of_another(found: MethodResult, author_domain: str) -> bool:
    if found.method != "dmarc" or found.result != "pass" or not author_domain:
        return False
    return found.domain("header.from", author_domain) != ascii_domain(author_domain.lower())


def _verdict(found: Sequence[MethodResult], method: str) -> str:
    """Pass if any says so (a message has a DKIM result per signature), else the first."""
    results = [x.result for x in found if x.method == method and x.result in _RESULTS]
    return "pass" if "pass" in results else next(iter(results), _UNKNOWN)
