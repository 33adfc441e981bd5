"""A session of a connection: its links, and the deliveries that are under way on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tests.fakes.service_bus.amqp_types import Uint
from tests.fakes.service_bus.composites import (
    Accepted,
    Attach,
    Begin,
    Composite,
    Detach,
    Disposition,
    Flow,
    Modified,
    Rejected,
    Released,
    Transfer,
)
from tests.fakes.service_bus.errors import RefusedError
from tests.fakes.service_bus.links import IncomingLink, Link, OutgoingLink, flow_of
from tests.fakes.service_bus.management import ManagementLink

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tests.fakes.service_bus.broker import Broker
    from tests.fakes.service_bus.faults import Faults
    from tests.fakes.service_bus.queue import Queue

type Send = Callable[[Composite, bytes], None]

_PAYLOAD = 60_000  # of a transfer, so that its frame stays below MAX_FRAME


@dataclass(slots=True)
class _Arriving:
    """A message whose transfers are coming in."""

    delivery_id: int
    message_format: int
    settled: bool
    payload: bytearray = field(default_factory=bytearray)


class Session:
    """One channel. Session windows are told as large and never kept."""

    def __init__(self, broker: Broker, send: Send, begun: Begin) -> None:
        self._broker = broker
        self._send = send
        self._next_incoming = begun.next_outgoing_id
        self._next_outgoing = 0
        self._links: dict[int, Link] = {}
        self._arriving: dict[int, _Arriving] = {}
        self._unsettled: dict[int, tuple[Queue, UUID]] = {}

    def send(self, performative: Composite) -> None:
        """Send something on this channel."""
        self._send(performative, b"")

    def send_flow(self, handle: Uint, count: Uint, credit: Uint, *, drain: bool = False) -> None:
        """Tell the credit of a link."""
        window = (self._next_incoming, self._next_outgoing)
        self.send(flow_of(window, handle, count, credit, drain=drain))

    def receiver_of(self, address: str) -> OutgoingLink | None:
        """The link on which a client takes the answers of a management node."""
        for link in self._links.values():
            source = link.asked.source
            if isinstance(link, OutgoingLink) and source and source.address == address:
                return link
        return None

    @property
    def faults(self) -> Faults:
        """What goes wrong now."""
        return self._broker.faults

    def detach_receivers(self) -> None:
        """Take their links from those who receive, as the faults say."""
        for link in list(self._links.values()):
            if isinstance(link, OutgoingLink) and link.queue is not None:
                link.close(self.faults.refusal())

    def detach_senders(self, reason: RefusedError) -> None:
        """Take their links from those who send."""
        for link in list(self._links.values()):
            if isinstance(link, IncomingLink):
                link.close(reason)

    def forget(self, link: Link) -> None:
        """A link has ended."""
        if self._links.pop(link.asked.handle, None) is not None:
            link.on_detach()

    def close(self) -> None:
        """The session, or its connection, has ended."""
        for link in list(self._links.values()):
            self.forget(link)

    def deliver(self, link: OutgoingLink, raw: bytes, tag: bytes, token: UUID | None) -> None:
        """Send a message in as many transfers as it needs."""
        delivery_id = self._next_outgoing
        for start in range(0, len(raw), _PAYLOAD):
            transfer = Transfer(
                handle=link.handle,
                delivery_id=Uint(delivery_id),
                delivery_tag=tag,
                message_format=Uint(0),
                settled=token is None,
                more=start + _PAYLOAD < len(raw),
            )
            self._send(transfer, raw[start : start + _PAYLOAD])
            self._next_outgoing += 1
        if token is not None and link.queue is not None:
            self._unsettled[delivery_id] = (link.queue, token)

    def on_frame(self, performative: Composite, payload: bytes) -> None:
        """Something came on this channel."""
        match performative:
            case Attach():
                self._on_attach(performative)
            case Flow(handle=int(handle)) if link := self._links.get(handle):
                link.on_flow(performative)
            case Transfer():
                self._on_transfer(performative, payload)
            case Disposition(role=True):
                self._on_disposition(performative)
            case Detach(handle=handle) if link := self._links.get(handle):
                link.close()
            case _:
                pass

    def _on_attach(self, asked: Attach) -> None:
        source, target = asked.source, asked.target
        address = (source.address if asked.role and source else target and target.address) or ""
        try:
            link = self._link(asked, address)
        except RefusedError as refusal:
            Link(self, asked).refuse(refusal)
            return
        self._links[asked.handle] = link
        try:
            link.open()
        except RefusedError as refusal:
            link.refuse(refusal)

    def _link(self, asked: Attach, address: str) -> IncomingLink | OutgoingLink | ManagementLink:
        if self._broker.is_management(address):
            if asked.role:
                return OutgoingLink(self, asked, None)
            return ManagementLink(self, asked, address, self._broker.managed(address))
        self.faults.check_link()
        if asked.role:
            return OutgoingLink(self, asked, self._broker.queue_at(address))
        return IncomingLink(self, asked, self._broker.entity_at(address))

    def _on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_incoming += 1
        link = self._links.get(transfer.handle)
        if not isinstance(link, IncomingLink | ManagementLink):
            return
        arriving = self._arriving.setdefault(
            transfer.handle,
            _Arriving(
                delivery_id=transfer.delivery_id or 0,
                message_format=transfer.message_format or 0,
                settled=bool(transfer.settled),
            ),
        )
        arriving.payload += payload
        if transfer.more:
            return
        del self._arriving[transfer.handle]
        outcome: Composite = Accepted()
        try:
            link.on_message(bytes(arriving.payload), arriving.message_format)
        except RefusedError as refusal:
            outcome = Rejected(error=refusal.as_error())
        if not arriving.settled:
            self._settled(arriving.delivery_id, outcome, role=True)

    def _on_disposition(self, disposition: Disposition) -> None:
        last = disposition.first if disposition.last is None else disposition.last
        for delivery_id in range(disposition.first, last + 1):
            if (unsettled := self._unsettled.pop(delivery_id, None)) is None:
                continue
            outcome = disposition.state or Released()
            try:
                with self.faults.at_work():
                    _settle(*unsettled, outcome)
            except RefusedError as refusal:
                outcome = Rejected(error=refusal.as_error())
            else:  # an echo, but with no error: that would say that it was not done
                outcome = Rejected() if isinstance(outcome, Rejected) else outcome
            self._settled(delivery_id, outcome, role=False)

    def _settled(self, delivery_id: int, outcome: Composite, *, role: bool) -> None:
        number = Uint(delivery_id)
        self.send(Disposition(role=role, first=number, last=number, settled=True, state=outcome))


def _settle(queue: Queue, token: UUID, outcome: Composite) -> None:
    """Do to a message what its receiver says. Raises RefusedError when its lock has ended."""
    if isinstance(outcome, Modified) and isinstance(outcome.message_annotations, dict):
        queue.modify(token, cast("dict[object, object]", outcome.message_annotations))
    match outcome:
        case Accepted():
            queue.complete(token)
        case Rejected(error=error):
            info: dict[Any, Any] = (error.info if error else None) or {}
            description = info.get("DeadLetterErrorDescription") or ""
            queue.put_aside(token, info.get("DeadLetterReason") or "", description)
        case Modified(undeliverable_here=True):
            queue.defer(token)
        case Modified():
            queue.abandon(token)
        case _:
            queue.release(token)
