"""A message's sections (part 3 section 3.2), and a message as a queue keeps it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from tests.fakes.service_bus.amqp_types import (
    Described,
    Int,
    Long,
    Symbol,
    Timestamp,
    Uint,
    Ulong,
)
from tests.fakes.service_bus.decoding import Reader
from tests.fakes.service_bus.encoding import encode
from tests.fakes.service_bus.errors import ProtocolError

if TYPE_CHECKING:
    from uuid import UUID

HEADER, ANNOTATIONS, PROPERTIES, APPLICATION, VALUE = 0x70, 0x72, 0x73, 0x74, 0x77
BATCH_FORMAT = 0x80013700
_PROPERTY_NAMES = (
    "message_id",
    "user_id",
    "to",
    "subject",
    "reply_to",
    "correlation_id",
    "content_type",
    "content_encoding",
    "absolute_expiry_time",
    "creation_time",
    "group_id",
    "group_sequence",
    "reply_to_group_id",
)
_SCHEDULED = Symbol("x-opt-scheduled-enqueue-time")


class State(StrEnum):
    """Where a message is in its queue."""

    ACTIVE = "active"
    LOCKED = "locked"
    SCHEDULED = "scheduled"
    DEFERRED = "deferred"


_STATE_NUMBERS = {State.ACTIVE: 0, State.LOCKED: 0, State.DEFERRED: 1, State.SCHEDULED: 2}


@dataclass(slots=True)
class Sections:
    """A message taken apart. The sections that a broker may not change stay as they came."""

    header: list[Any] = field(default_factory=list[Any])
    annotations: dict[object, Any] = field(default_factory=dict[object, Any])
    properties: dict[str, Any] = field(default_factory=dict[str, Any])
    application: dict[object, Any] = field(default_factory=dict[object, Any])
    unchanged: bytes = b""  # properties and body
    body: list[object] = field(default_factory=list[object])

    @property
    def time_to_live_ms(self) -> int | None:
        """From the header."""
        return self.header[2] if len(self.header) > 2 else None

    @property
    def scheduled_ms(self) -> int:
        """When it is to be enqueued; 0: at once."""
        return int(self.annotations.get(_SCHEDULED) or 0)


def parse(raw: bytes) -> Sections:
    """Take a message apart. Raises ProtocolError for what is none."""
    reader, sections = Reader(raw), Sections()
    while not reader.at_end:
        start = reader.position
        section = reader.value()
        if not isinstance(section, Described):
            raise ProtocolError("a message consists of described sections")
        _add(sections, section, reader.since(start))
    return sections


def _add(sections: Sections, section: Described, raw: bytes) -> None:
    value = cast("Any", section.value)
    match section.descriptor:
        case 0x70:
            sections.header = _expected(value, list)
        case 0x72:
            sections.annotations = _expected(value, dict)
        case 0x73:
            names = zip(_PROPERTY_NAMES, _expected(value, list), strict=False)
            sections.properties = dict(names)
            sections.unchanged += raw
        case 0x74:
            sections.application = _expected(value, dict)
        case 0x71 | 0x78:
            pass  # delivery annotations and footers are for one hop
        case _:
            sections.body.append(value)
            sections.unchanged += raw


def _expected(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ProtocolError(f"a section of a message is no {kind.__name__}")
    return value


def batched(raw: bytes) -> list[bytes]:
    """The messages of a batch: each is a Data section (message format 0x80013700)."""
    return [cast("bytes", each) for each in parse(raw).body]


@dataclass(slots=True, kw_only=True)
class Message:
    """A message in a queue. Times are milliseconds since 1970."""

    sequence: int
    raw: bytes
    sections: Sections
    enqueued_ms: int
    state: State = State.ACTIVE
    is_deferred: bool = False  # stays so under a lock, and after it
    failed_deliveries: int = 0
    due_ms: int = 0  # when scheduled
    locked_until_ms: int = 0
    lock_token: UUID | None = None
    dead_letter: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def message_id(self) -> object:
        """Chosen by the sender."""
        return self.sections.properties.get("message_id")

    @property
    def session_id(self) -> str | None:
        """The session it belongs to."""
        return self.sections.properties.get("group_id")

    @property
    def expires_ms(self) -> int | None:
        """When it is given up, by its time to live."""
        lifetime = self.sections.time_to_live_ms
        return None if lifetime is None else self.enqueued_ms + lifetime

    def encoded(self) -> bytes:
        """As it is delivered: with the broker's header and annotations.

        The header's delivery-count is that of earlier, failed deliveries: 0 at first, as the
        specification says and the service does.
        """
        durable, priority, lifetime, first, *_ = [*self.sections.header, None, None, None, None]
        header = [durable, priority, lifetime, first, Uint(self.failed_deliveries)]
        application = {**self.sections.application, **self.dead_letter}
        out = _section(HEADER, header) + _section(ANNOTATIONS, self._annotations())
        if application:
            out += _section(APPLICATION, application)
        return out + self.sections.unchanged

    def _annotations(self) -> dict[object, Any]:
        ours: dict[object, Any] = {
            Symbol("x-opt-sequence-number"): Long(self.sequence),
            Symbol("x-opt-enqueue-sequence-number"): Long(self.sequence),
            Symbol("x-opt-enqueued-time"): Timestamp(self.enqueued_ms),
            Symbol("x-opt-message-state"): Int(
                _STATE_NUMBERS[State.DEFERRED if self.is_deferred else self.state]
            ),
        }
        if self.locked_until_ms:
            ours[Symbol("x-opt-locked-until")] = Timestamp(self.locked_until_ms)
        return {**self.sections.annotations, **ours}


def response(correlation_id: object, status: int, text: str, condition: str, body: Any) -> bytes:
    """The answer of a management node. Both spellings of each property are in use."""
    properties: dict[object, Any] = {
        "status-code": Int(status),
        "statusCode": Int(status),
        "status-description": text,
        "statusDescription": text,
    }
    if condition:
        properties |= {
            "error-condition": Symbol(condition),
            "errorCondition": Symbol(condition),
        }
    head = [None, None, None, None, None, correlation_id]
    return (
        _section(PROPERTIES, head) + _section(APPLICATION, properties) + _section(VALUE, body or {})
    )


def plain_tag(number: int) -> bytes:
    """The delivery tag of what is under no lock."""
    return struct.pack(">I", number)


def _section(code: int, value: object) -> bytes:
    return encode(Described(Ulong(code), value))
