"""The orchestrators: in which order things happen, what is waited for and for how long. Nothing
else.

They are durabletask-native generators ``(ctx, input)``, the same on every engine. They are replayed
from history, so they read no clock, no environment and no port; what they decide on comes in as
values.

Their code is replayed by instances that began with it: an order of steps that was released stays as
it is, and another one is another function under another name. docs/changing.md says how.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from durabletask import task

from shared import steps
from shared.codec import from_payload, to_payload
from shared.events import MEDIA_DESCRIBED, MediaDescribed
from shared.ids import media_instance_id
from shared.model import JsonObject, MediaStatus

type Steps = Generator[task.Task[Any], Any, JsonObject]
type Request = steps.ProcessSubmission | steps.DescribeMedia

NO_DESCRIPTION_IN_TIME = "No description came in time, so a person will look at it."
NO_DESCRIPTION_STARTED = "Its description could not be started, so a person will look at it."


def process_submission(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    """Describe every media item, file the submission under categories, answer, tell the world.

    Takes `steps.ProcessSubmission`. A media item never fails its submission; a step that keeps
    failing puts the submission aside, with the reason, for a person to see.
    """
    request = from_payload(payload, steps.ProcessSubmission)
    try:
        return (yield from _process(ctx, request))
    except task.TaskFailedError as failure:
        reason = f"A step keeps failing: {failure.details.message}"
        yield _call(
            ctx,
            steps.DEAD_LETTER,
            steps.DeadLetterRequest(submission_id=request.submission_id, reason=reason),
            request,
        )
        raise


def describe_media(ctx: task.OrchestrationContext, payload: JsonObject) -> Steps:
    """Start the description of one media item and wait for it, or hand it to the desk.

    Takes `steps.DescribeMedia`, gives `steps.MediaResult`.
    """
    item = from_payload(payload, steps.DescribeMedia)
    described = ctx.wait_for_external_event(MEDIA_DESCRIBED)
    try:
        started = from_payload(
            (yield _call(ctx, steps.START_DESCRIPTION, item, item)), steps.Started
        )
    except task.TaskFailedError:
        return (yield from _escalate(ctx, item, NO_DESCRIPTION_STARTED))
    if started.result is not None:
        return to_payload(started.result)
    deadline = ctx.create_timer(timedelta(seconds=item.patience.escalate_after_s))
    pending: list[task.Task[Any]] = [described, deadline]
    if (yield task.when_any(pending)) is described:
        deadline.cancel()
        return _result(item, described.get_result())
    escalated = yield from _escalate(ctx, item, NO_DESCRIPTION_IN_TIME)
    # The description may have come while the desk was being told.
    return _result(item, described.get_result()) if described.is_complete else escalated


def _process(ctx: task.OrchestrationContext, request: steps.ProcessSubmission) -> Steps:
    accepted = _publish_accepted(ctx, request)
    children = [_describe(ctx, request, number) for number in request.media]
    results: list[object] = (yield task.when_all(children)) if children else []
    yield _call(
        ctx,
        steps.CLASSIFY,
        steps.Classify(
            submission_id=request.submission_id,
            results=tuple(from_payload(result, steps.MediaResult) for result in results),
        ),
        request,
    )
    reply = yield from _reply(ctx, request)
    if reply.state in {"refused", "unavailable"}:
        failed = steps.Complete(submission_id=request.submission_id, reply=reply)
        yield from _tell(ctx, steps.REPORT_REPLY, failed, request)
    try:
        yield accepted
    except task.TaskFailedError:  # nobody could be told for hours; an answer may take days
        yield _publish_accepted(ctx, request)
    return (
        yield _call(
            ctx,
            steps.COMPLETE,
            steps.Complete(submission_id=request.submission_id, reply=reply),
            request,
        )
    )


def _describe(
    ctx: task.OrchestrationContext, request: steps.ProcessSubmission, number: int
) -> task.Task[Any]:
    item = steps.DescribeMedia(
        job_id=media_instance_id(request.submission_id, number),
        number=number,
        patience=request.patience,
        traceparent=request.traceparent,
    )
    # By its own name, not by that of the newest one: an old parent goes on with its old children.
    return ctx.call_sub_orchestrator(
        describe_media.__name__, input=to_payload(item), instance_id=item.job_id
    )


def _publish_accepted(
    ctx: task.OrchestrationContext, request: steps.ProcessSubmission
) -> task.Task[Any]:
    """Tell that the submission is in. Nothing but its end waits for that, so an event service that
    is down holds up no description and no answer.
    """
    value = steps.PublishAccepted(submission_id=request.submission_id)
    return _call(ctx, steps.PUBLISH_ACCEPTED, value, request)


def _reply(
    ctx: task.OrchestrationContext, request: steps.ProcessSubmission
) -> Generator[task.Task[Any], Any, steps.ReplyResult]:
    """Answer; while the target is not there, try again on the schedule."""
    for attempt, delay_s in enumerate((*request.patience.reply_delays_s, None), start=1):
        asked = steps.ReplyRequest(submission_id=request.submission_id, attempt=attempt)
        reply = from_payload((yield _call(ctx, steps.REPLY, asked, request)), steps.ReplyResult)
        if reply.state != "unavailable" or delay_s is None:
            return reply
        yield ctx.create_timer(timedelta(seconds=max(delay_s, reply.retry_after_s)))
    raise AssertionError("the last delay is None")


def _escalate(ctx: task.OrchestrationContext, item: steps.DescribeMedia, reason: str) -> Steps:
    request = steps.Escalate(job_id=item.job_id, reason=reason)
    yield from _tell(ctx, steps.ESCALATE, request, item)
    return to_payload(
        steps.MediaResult(number=item.number, status=MediaStatus.ESCALATED, reason=reason)
    )


def _tell(
    ctx: task.OrchestrationContext, activity: str, value: steps.Traced, request: Request
) -> Generator[task.Task[Any], Any]:
    """Tell the desk. When nobody can be told for hours, the work goes on all the same: what the
    desk must see stands in the outcome and in the index.
    """
    with contextlib.suppress(task.TaskFailedError):
        yield _call(ctx, activity, value, request)


def _result(item: steps.DescribeMedia, event: object) -> JsonObject:
    described = from_payload(event, MediaDescribed)
    return to_payload(
        steps.MediaResult(
            number=item.number,
            status=MediaStatus(described.status),
            description_blob=described.description_blob,
            reason=described.reason,
        )
    )


def _call(
    ctx: task.OrchestrationContext, activity: str, value: steps.Traced, request: Request
) -> task.Task[Any]:
    """Call an activity; whatever it raises is tried again: permanent refusals are values. It
    belongs to the trace of the request.
    """
    patience = request.patience
    return ctx.call_activity(
        activity,
        input=to_payload(replace(value, traceparent=request.traceparent)),
        retry_policy=task.RetryPolicy(
            first_retry_interval=timedelta(seconds=patience.first_retry_s),
            max_number_of_attempts=patience.attempts,
            backoff_coefficient=2.0,
            max_retry_interval=timedelta(seconds=patience.longest_retry_s),
        ),
    )


# Every engine registers these; shared/steps.py says which are the newest and which are only kept.
ORCHESTRATORS = (process_submission, describe_media)
