"""Signatures of Standard Webhooks (standardwebhooks.com): HMAC-SHA256 of ``id.timestamp.body``."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from shared.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes of a secret, by the specification


class Signer:
    """Signs with each secret, so that a secret can be replaced without a missed webhook."""

    def __init__(self, secret_texts: Iterable[str]) -> None:
        """Secrets as ``whsec_<base64>``, the newest first. Raises SettingsError."""
        self._keys = [_key(text.strip()) for text in secret_texts if text.strip()]
        if not self._keys:
            raise SettingsError(
                "MAIL_INGEST_WEBHOOK_SECRETS", f"there is none. Write one such as {new_secret()}."
            )

    def headers(self, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """The three header fields of a webhook. `timestamp` is seconds since 1970."""
        content = f"{webhook_id}.{timestamp}.".encode() + body
        signatures = (hmac.digest(key, content, hashlib.sha256) for key in self._keys)
        return {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(
                f"v1,{base64.b64encode(signature).decode('ascii')}" for signature in signatures
            ),
        }


def new_secret() -> str:
    """A fresh secret, to be told to who receives the webhooks."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise SettingsError(
            "MAIL_INGEST_WEBHOOK_SECRETS",
            f"one is not whsec_ and {_SHORTEST} to {_LONGEST} bytes in base64. Write one such as"
            f" {new_secret()}.",
        )
    return key
