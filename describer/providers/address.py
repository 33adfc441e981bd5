"""Which addresses a description service may have, and how it gets our key."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import httpx

from shared.errors import SettingsError

if TYPE_CHECKING:
    from describer.settings import ThirdPartySettings

_URL, _AUTH, _KEY = (f"MAIL_INGEST_THIRD_PARTY_{name}" for name in ("URL", "AUTH", "KEY"))
_HEADER = "header:"


def check_address(settings: ThirdPartySettings) -> None:
    """Raise SettingsError unless the URL is https, or http to this machine where allowed."""
    try:
        url = httpx.URL(settings.url)
    except httpx.InvalidURL as exc:
        raise SettingsError(_URL, "is no URL; write https://host/path.") from exc
    if url.userinfo:
        raise SettingsError(_URL, f"must hold no key; write it into {_KEY}.")
    allowed = url.scheme == "https" or (
        url.scheme == "http" and settings.allow_loopback_http and _is_loopback(url.host)
    )
    if not allowed or not url.host:
        raise SettingsError(
            _URL,
            "must begin with https://. For a service on this machine set"
            " MAIL_INGEST_THIRD_PARTY_ALLOW_LOOPBACK_HTTP=1.",
        )


def key_headers(settings: ThirdPartySettings) -> dict[str, str]:
    """The header that carries the key, if there is one. Raises SettingsError."""
    if settings.auth == "none":
        return {}
    if not settings.key or not settings.key.isascii() or not settings.key.isprintable():
        raise SettingsError(_KEY, f"is missing or is no key; or set {_AUTH}=none.")
    if settings.auth == "bearer":
        return {"Authorization": f"Bearer {settings.key}"}
    name = settings.auth.removeprefix(_HEADER)
    if name == settings.auth or not name.replace("-", "").isalnum() or not name.isascii():
        raise SettingsError(_AUTH, "write none, bearer, or header:<name of the header>.")
    return {name: settings.key}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
