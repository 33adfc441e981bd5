"""The activities: one method for each side effect of an orchestration, over the ports of a
platform.

Each takes and gives one value of `shared.steps` as JSON primitives and may run twice. They raise
only what a retry can cure; a permanent refusal is a value.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from shared import events, steps
from shared.codec import from_json, from_payload, to_payload
from shared.conclude import Conclusion, described
from shared.desk_notices import Notice, adult_scores, escalation
from shared.dispatch import mark_dead_lettered
from shared.errors import StorageCorruptError
from shared.ids import fairness_key, reply_id, split_media_instance_id
from shared.indexing import with_outcome
from shared.intake import description_name, record_name
from shared.model import Channel, JsonObject, MediaItem, Outcome, ReplyRecord, Submission
from shared.outcomes import Outcomes
from shared.ports import Answer, DescriptionJob, IndexEntry, ReplyState, SubmissionState
from shared.tracing import TRACEPARENT, current_traceparent

if TYPE_CHECKING:
    from shared.answer_limits import AnswerLimits
    from shared.classify import Classifier
    from shared.desk_notices import DeskNotices
    from shared.ports import (
        BlobStore,
        Clock,
        DescriptionJobs,
        EventPublisher,
        ReplyChannel,
        ReplyReceipt,
        SubmissionIndex,
        Telemetry,
    )

logger = logging.getLogger(__name__)

type Activity = Callable[[JsonObject], Awaitable[JsonObject]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activities:
    """The side effects. `provider` is the describer's (id, version), which names cached
    descriptions.
    """

    blobs: BlobStore
    index: SubmissionIndex
    publisher: EventPublisher
    jobs: DescriptionJobs
    replies: ReplyChannel
    telemetry: Telemetry
    clock: Clock
    classifier: Classifier
    provider: tuple[str, str]
    answer_limits: AnswerLimits
    notices: DeskNotices

    def all(self) -> dict[str, Activity]:
        """Every activity under the name that orchestrators call it by, each a span of its trace."""
        activities = {
            steps.PUBLISH_ACCEPTED: self.publish_accepted,
            steps.START_DESCRIPTION: self.start_description,
            steps.ESCALATE: self.escalate,
            steps.CLASSIFY: self.classify,
            steps.REPLY: self.reply,
            steps.COMPLETE: self.complete,
            steps.REPORT_REPLY: self.report_failed_reply,
            steps.DEAD_LETTER: self.dead_letter,
        }
        return {name: self._traced(name, activity) for name, activity in activities.items()}

    async def publish_accepted(self, payload: JsonObject) -> JsonObject:
        """Tell that a submission is in. The event has the same ID whenever it is told again."""
        request = from_payload(payload, steps.PublishAccepted)
        submission = await self._submission(request.submission_id)
        await self.publisher.publish(events.accepted(submission, self.clock.now()))
        return to_payload(steps.Done())

    async def start_description(self, payload: JsonObject) -> JsonObject:
        """Give the description that is cached for this content, or start a job for it."""
        request = from_payload(payload, steps.DescribeMedia)
        submission, item = await self._media_item(request.job_id)
        cached = description_name(item.sha256, *self.provider)
        if await self.blobs.exists(cached):
            self.telemetry.count("descriptions_from_cache")
            return to_payload(steps.Started(result=described(item.number, cached)))
        await self.jobs.start(
            DescriptionJob(
                job_id=request.job_id,
                kind=item.kind,
                blob=item.blob,
                file_name=item.file_name,
                media_type=item.media_type,
                size=item.size,
                sha256=item.sha256,
                traceparent=current_traceparent(),
                fairness_key=fairness_key(submission.client, submission.submitter.address),
            )
        )
        return to_payload(steps.Started())

    async def escalate(self, payload: JsonObject) -> JsonObject:
        """Give a media item to the desk: an event, a log line, and a mail if an address is set."""
        request = from_payload(payload, steps.Escalate)
        submission_id, number = split_media_instance_id(request.job_id)
        logger.warning(
            "media escalated to the desk",
            extra={
                "action": "media_escalated",
                "submission_id": submission_id,
                "number": number,
                "reason": request.reason,
            },
        )
        submission, item = await self._media_item(request.job_id)
        await self.jobs.cancel(request.job_id)
        await self.publisher.publish(
            events.media_escalated(request.job_id, request.reason, self.clock.now())
        )
        scores = await adult_scores(self.blobs, submission.media, self.provider)
        await self.notices.send(escalation(request, item.file_name, scores))
        self.telemetry.count("media_escalated")
        return to_payload(steps.Done())

    async def classify(self, payload: JsonObject) -> JsonObject:
        """Put the outcome together from the descriptions and the words, and keep it."""
        request = from_payload(payload, steps.Classify)
        submission = await self._submission(request.submission_id)
        conclusion = Conclusion(
            blobs=self.blobs, classifier=self.classifier, provider=self.provider
        )
        outcome = await conclusion.outcome(submission, request.results)
        await Outcomes(blobs=self.blobs).put(outcome)
        await self._index(submission, outcome, SubmissionState.ANSWERING)
        return to_payload(steps.Done())

    async def reply(self, payload: JsonObject) -> JsonObject:
        """Try once to answer the submitter. A refusal and an unreachable target are values."""
        request = from_payload(payload, steps.ReplyRequest)
        submission = await self._submission(request.submission_id)
        outcome = await self._outcome(submission.id)
        if submission.answer_to.channel is Channel.NONE:
            return to_payload(steps.ReplyResult(state="none", reason=submission.answer_to.reason))
        if refusal := await self._limit_reached(submission):
            return to_payload(steps.ReplyResult(state="none", reason=refusal))
        receipt = await self.replies.send(
            Answer(reply_id=reply_id(submission.id), submission=submission, outcome=outcome)
        )
        self.telemetry.count("replies", state=receipt.state.value)
        if receipt.state is ReplyState.SENT:
            self.telemetry.record("answer_age_seconds", self._age_s(submission))
        return to_payload(_reply_result(receipt))

    async def complete(self, payload: JsonObject) -> JsonObject:
        """Record how the answer went and tell the world that the submission is done."""
        request = from_payload(payload, steps.Complete)
        submission = await self._submission(request.submission_id)
        outcome = await self._outcome(submission.id)
        reply = ReplyRecord(
            channel=submission.answer_to.channel if request.reply.at else Channel.NONE,
            at=request.reply.at,
            reason=request.reply.reason,
        )
        outcome = replace(outcome, reply=reply)
        await Outcomes(blobs=self.blobs).put(outcome)
        # The event goes first: what is done cannot be put aside, nor given another chance to tell.
        await self.publisher.publish(events.completed(outcome, self.clock.now()))
        await self._index(
            submission, outcome, SubmissionState.DONE, reason=_why_not_delivered(request.reply)
        )
        logger.info(
            "submission completed",
            extra={
                "action": "submission_completed",
                "submission_id": submission.id,
                "status": outcome.status.value,
                "reply": request.reply.state,
            },
        )
        self.telemetry.count("submissions_completed", status=outcome.status.value)
        self.telemetry.record("completion_age_seconds", self._age_s(submission))
        return {"status": outcome.status.value}

    async def report_failed_reply(self, payload: JsonObject) -> JsonObject:
        """Tell the desk and the world that the answer could not be delivered for good."""
        request = from_payload(payload, steps.Complete)
        submission_id, reason = request.submission_id, request.reply.reason
        logger.error(
            "answer not delivered",
            extra={"action": "reply_failed", "submission_id": submission_id, "reason": reason},
        )
        await self.publisher.publish(
            events.reply_failed(reply_id(submission_id), submission_id, reason, self.clock.now())
        )
        await self.notices.send(
            Notice(
                notice_id=f"reply-failed-{submission_id}",
                subject=f"The answer to {submission_id} could not be delivered",
                text=f"{reason}\n\nThe submission itself is complete.\n",
            )
        )
        return to_payload(steps.Done())

    async def dead_letter(self, payload: JsonObject) -> JsonObject:
        """Put a submission aside, visibly; its blobs stay."""
        request = from_payload(payload, steps.DeadLetterRequest)
        logger.error(
            "submission put aside",
            extra={
                "action": "submission_dead_lettered",
                "submission_id": request.submission_id,
                "reason": request.reason,
            },
        )
        self.telemetry.count("submissions_dead_lettered")
        await mark_dead_lettered(
            self.index, self.publisher, self.clock, request.submission_id, request.reason
        )
        return to_payload(steps.Done())

    def _traced(self, name: str, activity: Activity) -> Activity:
        async def traced(payload: JsonObject) -> JsonObject:
            facts = {key: payload[key] for key in ("submission_id", "job_id") if key in payload}
            with self.telemetry.span(name, parent=payload.get(TRACEPARENT, ""), **facts):
                return await activity(payload)

        return traced

    def _age_s(self, submission: Submission) -> float:
        received_at = datetime.fromisoformat(submission.received_at)
        return (self.clock.now() - received_at).total_seconds()

    async def _submission(self, submission_id: str) -> Submission:
        name = record_name(submission_id)
        return from_json(await self.blobs.get(name), Submission, where=name)

    async def _media_item(self, job_id: str) -> tuple[Submission, MediaItem]:
        submission_id, number = split_media_instance_id(job_id)
        submission = await self._submission(submission_id)
        for item in submission.media:
            if item.number == number:
                return submission, item
        raise StorageCorruptError(record_name(submission_id), f"its media item {number} is missing")

    async def _outcome(self, submission_id: str) -> Outcome:
        outcome = await Outcomes(blobs=self.blobs).get(submission_id)
        if outcome is None:
            raise StorageCorruptError(submission_id, "its outcome is missing")
        return outcome

    async def _limit_reached(self, submission: Submission) -> str:
        """Which limit on the answers of a day is reached, in a sentence; empty when none is. It
        holds for mail, where robots may loop and senders are forged.
        """
        if submission.answer_to.channel is not Channel.MAIL:
            return ""
        return await self.answer_limits.refusal(
            self.index,
            reply_id=reply_id(submission.id),
            target=submission.answer_to.target,
            day=self.clock.now().date().isoformat(),
        )

    async def _index(
        self, submission: Submission, outcome: Outcome, state: SubmissionState, reason: str = ""
    ) -> None:
        entry = IndexEntry(
            submission_id=submission.id,
            source=submission.source,
            received_at=submission.received_at,
            state=state,
            media=len(submission.media),
            reason=reason,
        )
        await self.index.put(with_outcome(entry, outcome))


def _why_not_delivered(reply: steps.ReplyResult) -> str:
    """A sentence for the index when an answer was due and did not go out; else empty."""
    failed = reply.state in {ReplyState.REFUSED, ReplyState.UNAVAILABLE}
    return f"It was not answered. {reply.reason}" if failed else ""


def _reply_result(receipt: ReplyReceipt) -> steps.ReplyResult:
    return steps.ReplyResult(
        state=receipt.state.value,
        at=receipt.at,
        reason=receipt.reason,
        retry_after_s=receipt.retry_after_s or 0.0,
    )
