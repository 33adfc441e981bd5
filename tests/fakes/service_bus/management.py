"""The management nodes: ``$cbs`` takes tokens, ``<entity>/$management`` takes requests.

A request names its operation; each is a function of the queue and the request's map. Those that the
SDKs never ask for are refused as not implemented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tests.fakes.service_bus import errors
from tests.fakes.service_bus.amqp_types import Array, Long, Timestamp, Uint
from tests.fakes.service_bus.links import Link
from tests.fakes.service_bus.messages import parse, response
from tests.fakes.service_bus.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tests.fakes.service_bus.queue import Queue

type Request = dict[str, Any]

_VENDOR = "com.microsoft:"
_CREDIT = 1000


@dataclass(slots=True, eq=False)
class ManagementLink(Link):
    """The client asks; the answers go out on its other link to the same node."""

    node: str
    entity: Queue | Topic | None  # None: $cbs
    _received: int = 0

    def open(self) -> None:
        """Answer, and let the client ask."""
        self.attach()
        self._grant()

    def on_message(self, raw: bytes, message_format: int) -> None:
        """Do what is asked, and answer."""
        del message_format
        self._received += 1
        if self._received % (_CREDIT // 2) == 0:
            self._grant()
        request = parse(raw)
        operation = str(request.application.get("operation", "")).removeprefix(_VENDOR)
        status, sentence, condition, body = self._do(operation, cast("Any", request.body))
        message_id = request.properties.get("message_id")
        if (receiver := self.session.receiver_of(self.node)) is not None:
            receiver.answer(response(message_id, status, sentence, condition, body))

    def _do(self, operation: str, values: list[Request]) -> tuple[int, str, str, object]:
        if self.entity is None:
            return 202, "Accepted", "", {}
        try:
            with self.session.faults.at_work():
                body = _run(self.entity, operation, values[0] if values else {})
        except errors.RefusedError as refusal:
            return refusal.status, refusal.sentence, refusal.condition, {}
        return (204, "No content", "", {}) if body is None else (200, "OK", "", body)

    def _grant(self) -> None:
        self.session.send_flow(self.handle, Uint(self._received), Uint(_CREDIT))


def _run(entity: Queue | Topic, operation: str, request: Request) -> object:
    if operation == "schedule-message":
        return _schedule(entity, request)
    if isinstance(entity, Topic) or operation not in _OPERATIONS:
        raise errors.RefusedError("amqp:not-implemented", f"{operation} is not done here.", 501)
    return _OPERATIONS[operation](entity, request)


def _schedule(entity: Queue | Topic, request: Request) -> object:
    numbers = entity.put([each["message"] for each in request["messages"]])
    return {"sequence-numbers": Array(tuple(Long(number) for number in numbers))}


def _cancel(queue: Queue, request: Request) -> object:
    for sequence in _items(request["sequence-numbers"]):
        queue.cancel(sequence)
    return {}


def _renew(queue: Queue, request: Request) -> object:
    ends = tuple(Timestamp(queue.renew(token)) for token in _items(request["lock-tokens"]))
    return {"expirations": Array(ends)}


def _peek(queue: Queue, request: Request) -> object:
    first, count = request.get("from-sequence-number", 0), request.get("message-count", 1)
    found = queue.peek(first, count, request.get("session-id"))
    return {"messages": [{"message": each.encoded()} for each in found]} if found else None


def _settle(queue: Queue, request: Request) -> object:
    for token in _items(request["lock-tokens"]):
        _settle_one(queue, token, request)
    return {}


def _settle_one(queue: Queue, token: UUID, request: Request) -> None:
    if request["disposition-status"] != "completed":
        queue.modify(token, request.get("properties-to-modify") or {})
    match request["disposition-status"]:
        case "completed":
            queue.complete(token)
        case "abandoned":
            queue.abandon(token)
        case "defered":  # the protocol's own spelling
            queue.defer(token)
        case _:
            reason = request.get("deadletter-reason") or ""
            queue.put_aside(token, reason, request.get("deadletter-description") or "")


def _take_deferred(queue: Queue, request: Request) -> object:
    taken = [queue.take_deferred(number) for number in _items(request["sequence-numbers"])]
    return {
        "messages": [{"lock-token": each.lock_token, "message": each.encoded()} for each in taken]
    }


def _renew_session(queue: Queue, request: Request) -> object:
    return {"expiration": Timestamp(queue.sessions.renew(request["session-id"]))}


def _get_state(queue: Queue, request: Request) -> object:
    return {"session-state": queue.sessions.state(request["session-id"])}


def _set_state(queue: Queue, request: Request) -> object:
    queue.sessions.set_state(request["session-id"], request.get("session-state"))
    return {}


def _items(array: object) -> tuple[Any, ...]:
    """The items of an array; some clients send a list."""
    return array.items if isinstance(array, Array) else tuple(cast("Any", array))


_OPERATIONS: dict[str, Callable[[Queue, Request], object]] = {
    "cancel-scheduled-message": _cancel,
    "renew-lock": _renew,
    "peek-message": _peek,
    "update-disposition": _settle,
    "receive-by-sequence-number": _take_deferred,
    "renew-session-lock": _renew_session,
    "get-session-state": _get_state,
    "set-session-state": _set_state,
}
