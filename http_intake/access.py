"""Who calls, and whether they may: managed identities and keys, and while none are configured, this
machine's programs only.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from http_intake.doors import LOCAL_CLIENT
from http_intake.problem_types import CROSS_SITE, INVALID_REQUEST, UNAUTHORIZED, WRONG_HOST
from http_intake.problems import ProblemError

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import Request

    from http_intake.doors import HttpSettings

PRINCIPAL_ID = "x-ms-client-principal-id"  # set by App Service authentication, by nobody else
_LONGEST_HOST = 300  # RFC 1035 section 2.3.4, and a port; status_url repeats it
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_LOOPBACK_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


def client_of(headers: Headers, settings: HttpSettings) -> str:
    """The name of the client that calls; raises ProblemError when nobody may call like this."""
    if len(headers.get("host", "")) > _LONGEST_HOST:
        raise ProblemError(INVALID_REQUEST, "Host is longer than a name can be. Send a name.")
    if settings.knows_clients:
        return _client_with_identity(headers, settings) or _client_with_key(headers, settings)
    _refuse_browsers(headers, settings)
    return LOCAL_CLIENT


def own_base_url(request: Request, settings: HttpSettings) -> str:
    """What URLs of ours begin with: the public base URL, or a name of this machine that the client
    called us by; else nothing, so that they are relative. Whatever else Host says, nobody vouches
    for.
    """
    if settings.public_base_url:
        return settings.public_base_url.rstrip("/")
    if _LOOPBACK_HOST.fullmatch(request.headers.get("host", "")):
        return str(request.base_url).rstrip("/")
    return ""


def _client_with_identity(headers: Headers, settings: HttpSettings) -> str:
    """The client whose managed identity called, or nothing; its token was checked before us."""
    caller = headers.get(PRINCIPAL_ID, "").lower()
    found = (name for name, principal in settings.principals.items() if principal.lower() == caller)
    return next(found, "") if caller else ""


def _client_with_key(headers: Headers, settings: HttpSettings) -> str:
    presented = hashlib.sha256(_key_in(headers).encode("utf-8")).hexdigest()
    found = ""
    for client, expected in settings.keys.items():  # all of them: the time must not tell which
        if hmac.compare_digest(presented, expected.lower()):
            found = client
    if not found:
        raise ProblemError(
            UNAUTHORIZED,
            "The key is missing or unknown. Send your key as 'Authorization: Bearer KEY' or as"
            " 'X-Api-Key: KEY'.",
            headers={"WWW-Authenticate": 'Bearer realm="mail_ingest"'},
        )
    return found


def _key_in(headers: Headers) -> str:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return headers.get("x-api-key", "")


def _refuse_browsers(headers: Headers, settings: HttpSettings) -> None:
    """Without keys, a page of another site must reach us neither by a form post (CSRF) nor under a
    name that it points at this machine (DNS rebinding).
    """
    host = headers.get("host", "")
    own_hosts = _LOOPBACK_NAMES | {_host_name(settings.public_base_url)} - {""}
    if host and _host_name(f"//{host}") not in own_hosts:
        raise ProblemError(
            WRONG_HOST,
            "While no keys are configured, this service answers under localhost and 127.0.0.1 only."
            " Call it by one of these, or configure keys.",
        )
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        raise ProblemError(
            CROSS_SITE,
            "A web page of another site sent this request. Configure keys and send one.",
        )


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
