"""mail-ingest key: a key for an HTTP client, and the entry that lets it in."""

from __future__ import annotations

import hashlib
import re
import secrets

from host.terminal import say
from shared.errors import SettingsError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def key(client: str) -> int:
    """Print a fresh key, which is shown only now, and the entry for MAIL_INGEST_KEYS."""
    if not _NAME.fullmatch(client):
        raise SettingsError("NAME", "use letters, digits, dots and dashes, 64 at most.")
    fresh = secrets.token_urlsafe(32)
    entry = f"{client}={hashlib.sha256(fresh.encode('ascii')).hexdigest()}"
    say(f"For {client}, shown only now:   {fresh}")
    say(f"Add to MAIL_INGEST_KEYS:        {entry}")
    return 0
