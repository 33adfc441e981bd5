"""What the extensions of the Functions host put on the wire, and what they make of a failure."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from shared.codec import to_payload
from shared.errors import ServiceUnavailableError
from tests.fakes.functions_host.protos import TypedData
from tests.fakes.functions_host.worker import FunctionFailedError

if TYPE_CHECKING:
    from shared.model import CloudEvent
    from shared.ports import QueuedMessage, WorkQueue
    from tests.fakes.functions_host.worker import Worker

logger = logging.getLogger(__name__)

MAX_DELIVERY_COUNT = 10  # of the queue; infra sets it
_PAUSE_S = 1.0


async def fire_timer(worker: Worker, name: str) -> None:
    """Fire a timer now. Raises FunctionFailedError."""
    timer = {
        "IsPastDue": False,
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {"Last": "2026-11-24T10:00:00+00:00", "Next": "", "LastUpdated": ""},
    }
    await worker.invoke(worker.functions[name], TypedData(json=json.dumps(timer)))


async def deliver_event(worker: Worker, event: CloudEvent) -> bool:
    """Hand an event to the Event Grid trigger, in CloudEvents' schema; False when its function
    raised: Event Grid delivers it again.
    """
    payload = {"specversion": "1.0", "datacontenttype": "application/json", **to_payload(event)}
    (function,) = worker.of_type("eventGridTrigger", "name").values()
    try:
        await worker.invoke(function, TypedData(json=json.dumps(payload)))
    except FunctionFailedError as error:
        logger.info("event refused", extra={"action": "event_refused", "error": str(error)})
        return False
    return True


async def pump_queue(worker: Worker, queue: WorkQueue) -> None:
    """Feed the Service Bus trigger until cancelled; a queue that does not answer is asked again."""
    while True:
        try:
            messages = await queue.receive(max_messages=16, max_wait_s=30)
            await asyncio.gather(*(deliver_message(worker, queue, each) for each in messages))
        except ServiceUnavailableError as error:
            logger.info("no messages", extra={"action": "queue_unavailable", "error": str(error)})
            await asyncio.sleep(_PAUSE_S)


async def deliver_message(worker: Worker, queue: WorkQueue, message: QueuedMessage) -> None:
    """Run the Service Bus function on a message; complete the message, or give it back."""
    (function,) = worker.of_type("serviceBusTrigger", "queueName").values()
    properties = json.dumps(dict(message.application_properties))
    metadata = {
        "MessageId": TypedData(string=message.message_id),
        "DeliveryCount": TypedData(string=str(message.delivery_count)),
        "LockToken": TypedData(string=message.lock_token),
        "SequenceNumber": TypedData(string="1"),
        "ApplicationProperties": TypedData(json=properties),
        "UserProperties": TypedData(json=properties),
    }
    try:
        await worker.invoke(function, TypedData(bytes=message.body), metadata)
    except FunctionFailedError as error:
        logger.info("message refused", extra={"action": "message_refused", "error": str(error)})
        if message.delivery_count < MAX_DELIVERY_COUNT:
            await queue.abandon(message)
        else:
            await queue.dead_letter(
                message, reason="MaxDeliveryCountExceeded", description="It failed too often."
            )
    else:
        await queue.complete(message)
