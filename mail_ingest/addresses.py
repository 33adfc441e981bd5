"""An e-mail address as a value (RFC 5322 3.4), a lenient reading of one, and the one rule of which
addresses we write to.

Careful reading of address fields is mail-parser's work (`mail_ingest.message`); what is here serves
where it finds nothing, and for the envelope.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mail_ingest.visible import visible

_SPEC = re.compile(r"[^\s<>()\[\],;:\"@\\]{1,256}@[^\s<>()\[\],;:\"@\\]{1,255}")
_ANGLE = re.compile(r"<\s*([^<>]*?)\s*>")
_LOCAL_PART = re.compile(r"[^\s<>\"(),:;\\\[\]@\x00-\x20\x7f-\x9f]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address. `domain` is in lower case; `display_name` is what its writer chose, for show."""

    display_name: str = ""
    local_part: str
    domain: str

    @property
    def spec(self) -> str:
        """``local_part@domain`` (RFC 5322 3.4.1)."""
        return f"{self.local_part}@{self.domain}"


def mail_target(spec: str) -> tuple[str, str] | None:
    """The local part and the ASCII domain that a mail to `spec` goes to, or None when no mail can
    be sent to it: reading is lenient (`address_of`), sending is not.
    """
    local_part, _, domain = spec.rpartition("@")
    name = ascii_domain(domain)
    if _LOCAL_PART.fullmatch(local_part) is None or not name:
        return None
    return local_part, name


def ascii_domain(domain: str) -> str:
    """A domain as DNS has it (RFC 5890), or nothing when it cannot be one."""
    try:
        name = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return name if _DOMAIN.fullmatch(name) else ""


def address_of(spec: str, display_name: str = "") -> Address | None:
    """The address ``local@domain``, or None when it is none that can be written to."""
    if _SPEC.fullmatch(spec) is None or visible(spec) != spec:
        return None
    local_part, _, domain = spec.rpartition("@")
    name = visible(display_name)[:200]
    return Address(display_name=name, local_part=local_part, domain=domain.rstrip(".").lower())


def address_somewhere_in(text: str) -> Address | None:
    """The first address in a field that is broken: in angle brackets if possible."""
    for found in _ANGLE.findall(text):
        if address := address_of(found, text.partition("<")[0].strip(' "')):
            return address
    found = _SPEC.search(text)
    return address_of(found.group()) if found else None
