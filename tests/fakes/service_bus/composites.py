"""The composite types that travel between a client and the broker (parts 2, 3 and 5).

Each is a described list; a class has its fields in the order of the list. Fields that we neither
read nor write are left out at the end of a class.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self, cast

from tests.fakes.service_bus.amqp_types import Described, Symbol, Ubyte, Uint, Ulong, Ushort

_BY_CODE: dict[int, type[Composite]] = {}


@dataclass(slots=True, kw_only=True)
class Composite:
    """A described list."""

    CODE: ClassVar[int] = -1

    def __init_subclass__(cls) -> None:
        _BY_CODE[cls.CODE] = cls

    @classmethod
    def of(cls, items: list[Any]) -> Self:
        """From the list; a field that is not in it is None."""
        names = [each.name for each in fields(cls)]
        return cls(**dict(zip(names, map(composed, items), strict=False)))

    def described(self) -> Described:
        """As a described list with all our fields: the SDK looks for some by their position."""
        items = [decomposed(getattr(self, each.name)) for each in fields(self)]
        return Described(Ulong(self.CODE), items)


def composed(value: object) -> object:
    """A described list of a kind that we know as its class; anything else as it is."""
    if isinstance(value, Described) and isinstance(value.descriptor, Ulong):
        kind = _BY_CODE.get(value.descriptor)
        if kind is not None and isinstance(value.value, list):
            return kind.of(cast("list[Any]", value.value))
    return value


def decomposed(value: object) -> object:
    """A composite as a described list; anything else as it is."""
    return value.described() if isinstance(value, Composite) else value


@dataclass(slots=True, kw_only=True)
class Open(Composite):
    """Part 2 section 2.7.1."""

    CODE = 0x10
    container_id: str = ""
    hostname: str | None = None
    max_frame_size: int | None = None
    channel_max: int | None = None
    idle_time_out: int | None = None


@dataclass(slots=True, kw_only=True)
class Begin(Composite):
    """Part 2 section 2.7.2."""

    CODE = 0x11
    remote_channel: Ushort | None = None
    next_outgoing_id: int = 0
    incoming_window: int = 0
    outgoing_window: int = 0


@dataclass(slots=True, kw_only=True)
class Attach(Composite):
    """Part 2 section 2.7.3. `role` is True for who receives."""

    CODE = 0x12
    name: str = ""
    handle: int = 0
    role: bool = False
    snd_settle_mode: int | None = None
    rcv_settle_mode: int | None = None
    source: Source | None = None
    target: Target | None = None
    unsettled: object = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: object = None
    desired_capabilities: object = None
    properties: dict[object, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Flow(Composite):
    """Part 2 section 2.7.4."""

    CODE = 0x13
    next_incoming_id: int | None = None
    incoming_window: int = 0
    next_outgoing_id: int = 0
    outgoing_window: int = 0
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None


@dataclass(slots=True, kw_only=True)
class Transfer(Composite):
    """Part 2 section 2.7.5; the payload follows it in its frame."""

    CODE = 0x14
    handle: int = 0
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None


@dataclass(slots=True, kw_only=True)
class Disposition(Composite):
    """Part 2 section 2.7.6. `role` is True when it comes from who received."""

    CODE = 0x15
    role: bool = False
    first: int = 0
    last: int | None = None
    settled: bool | None = None
    state: Composite | None = None


@dataclass(slots=True, kw_only=True)
class Detach(Composite):
    """Part 2 section 2.7.7."""

    CODE = 0x16
    handle: int = 0
    closed: bool | None = None
    error: Error | None = None


@dataclass(slots=True, kw_only=True)
class End(Composite):
    """Part 2 section 2.7.8."""

    CODE = 0x17


@dataclass(slots=True, kw_only=True)
class Close(Composite):
    """Part 2 section 2.7.9."""

    CODE = 0x18


@dataclass(slots=True, kw_only=True)
class Error(Composite):
    """Part 2 section 2.8.14."""

    CODE = 0x1D
    condition: Symbol = field(default_factory=Symbol)
    description: str | None = None
    info: dict[object, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Accepted(Composite):
    """Part 3 section 3.4.2: the message is done."""

    CODE = 0x24


@dataclass(slots=True, kw_only=True)
class Rejected(Composite):
    """Part 3 section 3.4.3: the message is a dead letter; or what was sent is refused."""

    CODE = 0x25
    error: Error | None = None


@dataclass(slots=True, kw_only=True)
class Released(Composite):
    """Part 3 section 3.4.4: the message was not looked at."""

    CODE = 0x26


@dataclass(slots=True, kw_only=True)
class Modified(Composite):
    """Part 3 section 3.4.5: the message is given back, or kept for later (deferred)."""

    CODE = 0x27
    delivery_failed: bool | None = None
    undeliverable_here: bool | None = None
    message_annotations: object = None


@dataclass(slots=True, kw_only=True)
class Source(Composite):
    """Part 3 section 3.5.3."""

    CODE = 0x28
    address: str | None = None
    durable: object = None
    expiry_policy: object = None
    timeout: object = None
    dynamic: object = None
    dynamic_node_properties: object = None
    distribution_mode: object = None
    filter: dict[object, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Target(Composite):
    """Part 3 section 3.5.4."""

    CODE = 0x29
    address: str | None = None


@dataclass(slots=True, kw_only=True)
class SaslMechanisms(Composite):
    """Part 5 section 5.3.3.1."""

    CODE = 0x40
    mechanisms: object = None


@dataclass(slots=True, kw_only=True)
class SaslInit(Composite):
    """Part 5 section 5.3.3.2."""

    CODE = 0x41
    mechanism: Symbol = field(default_factory=Symbol)


@dataclass(slots=True, kw_only=True)
class SaslOutcome(Composite):
    """Part 5 section 5.3.3.5."""

    CODE = 0x44
    code: Ubyte = field(default_factory=Ubyte)


def narrow(number: int | None, kind: type[int] = Uint) -> Any:
    """A number in the width that its field has; None stays None."""
    return None if number is None else kind(number)
