"""What our own mail server found out about a message's sender (RFC 8601). Pure.

Only the topmost Authentication-Results field of our own server counts: anybody can write such a
field, and a border server removes forged ones that carry its own name (RFC 8601 section 5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.model import Authentication

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UNKNOWN = "unknown"
_RESULTS = frozenset(
    {"none", "pass", "fail", "softfail", "neutral", "policy", "temperror", "permerror"}
)  # RFC 8601 section 2.7
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[();]|[^"\\();]+|["\\]', re.DOTALL)
_RESULT = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_LONGEST_FIELD = 8_192


def authentication(fields: Iterable[str], authserv_id: str) -> Authentication:
    """The verdicts in the topmost of `fields` that `authserv_id` wrote; unknown where it says none.

    `fields` are unfolded Authentication-Results values from top to bottom.
    """
    for value in fields if authserv_id else ():
        server, *results = _statements(value[:_LONGEST_FIELD])
        name = server.split()[0].strip('"') if server.split() else ""
        if name.lower() == authserv_id.lower():
            return _verdicts(results)
    return Authentication()


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


def _verdicts(results: list[str]) -> Authentication:
    found = list(_method_results(results))
    return Authentication(
        spf=_verdict(found, "spf"), dkim=_verdict(found, "dkim"), dmarc=_verdict(found, "dmarc")
    )


def _method_results(results: list[str]) -> Iterator[tuple[str, str]]:
    for result in results:
        if match := _RESULT.match(result):
            yield match[1].lower(), match[2].lower()


def _verdict(found: list[tuple[str, str]], method: str) -> str:
    """Pass if any says so (a message has a DKIM result per signature), else the first."""
    results = [result for name, result in found if name == method and result in _RESULTS]
    return "pass" if "pass" in results else next(iter(results), _UNKNOWN)
