"""The skeleton of a header, read by mail-parser: the address fields and the date.

mail-parser is careful where it matters: a forged display name never passes for an address. But it
reads every field that it is given, Received and DKIM-Signature too, and whole mails it decodes in
memory. So it gets these few fields only, cleaned and cut: 0.5 ms for a mail, whatever its size.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import mailparser  # pyright: ignore[reportMissingTypeStubs]

from mail_ingest.addresses import Address, address_of, address_somewhere_in
from mail_ingest.mime.encoded_words import decode_words
from mail_ingest.visible import visible
from shared.events import rfc3339
from shared.model import Defect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

_ADDRESS_FIELDS = ("from", "reply-to", "to", "cc")  # those that mail-parser reads
_LONGEST_VALUE = 8_192  # characters; mail-parser needs 10 ms for a hostile one of this length
_MOST_ADDRESSES = 100

_mail_parser = cast(
    "Callable[[bytes], Any]",
    mailparser.parse_from_bytes,  # pyright: ignore[reportUnknownMemberType]
)
logging.getLogger("mailparser").setLevel(logging.CRITICAL + 1)  # it logs what mails say


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """What the address fields and the date say; `date` is RFC 3339 in UTC, empty if unreadable."""

    addresses: Mapping[str, tuple[Address, ...]]  # by field name in lower case
    date: str
    defects: tuple[Defect, ...]


def read_skeleton(values: Mapping[str, str]) -> Skeleton:
    """Read the fields in `values`, by name in lower case, unfolded. Never fails: see `defects`."""
    present = {
        name: visible(values[name])[:_LONGEST_VALUE] for name in _ADDRESS_FIELDS if name in values
    }
    date = visible(values.get("date", ""))[:_LONGEST_VALUE]
    parsed, defects = _parse({**present, "date": date})
    addresses: dict[str, tuple[Address, ...]] = {}
    for name, value in present.items():
        addresses[name] = _addresses(parsed, name)
        if not addresses[name] and value and ":;" not in value.replace(" ", ""):
            found = address_somewhere_in(value)
            addresses[name] = (found,) if found else ()
            defects.append(_unreadable(name, "RFC 5322 3.4", "address"))
    moment: datetime | None = parsed.date if parsed else None
    if moment is None and date:
        defects.append(_unreadable("date", "RFC 5322 3.3", "date"))
    return Skeleton(
        addresses=addresses, date=rfc3339(moment) if moment else "", defects=tuple(defects)
    )


def _parse(values: Mapping[str, str]) -> tuple[Any, list[Defect]]:
    """mail-parser's view, or None and a defect when it fails on this header."""
    header = "".join(f"{name}: {value}\r\n" for name, value in values.items() if value)
    try:
        return _mail_parser(header.encode("utf-8", "replace") + b"\r\n"), []
    except Exception:  # noqa: BLE001  # whatever a hostile header sets off in it, the mail is taken
        sentence = "The header is so broken that only its plainest parts could be read."
        return None, [Defect(part="", clause="RFC 5322 2.2", sentence=sentence)]


def _addresses(parsed: Any, name: str) -> tuple[Address, ...]:
    if parsed is None:
        return ()
    pairs: list[tuple[str, str]] = getattr(
        parsed, "from_" if name == "from" else name.replace("-", "_")
    )
    found = (address_of(spec, decode_words(shown)) for shown, spec in pairs[:_MOST_ADDRESSES])
    return tuple(address for address in found if address)


def _unreadable(field: str, clause: str, what: str) -> Defect:
    sentence = f"The field {field.title()} holds no {what} that can be read for sure."
    return Defect(part="", clause=clause, sentence=sentence)
