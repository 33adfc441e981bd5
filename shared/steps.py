"""The names of the orchestrators and activities, and the one value that each takes and gives.

These travel through the durable engine as JSON primitives and lie in the histories of running
instances: a newer field has a default, so that instances started by an older version still load.
A scheduler takes about 1 MB at a time: what a submission is and holds is read from its record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from shared.model import MediaStatus

# How long an instance can live: nine waits for an answer's target, which may ask for a day each
# time, and the retries of every activity. A test adds it up.
LONGEST_LIFE = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOrchestrator:
    """An orchestrator that is not started any more; its instances go on under its name. It stays as
    it is until nobody upgrades from a release before `replaced_on` any more.
    """

    name: str
    replaced_on: date  # the day of the release that starts its successor

    @property
    def may_go_after(self) -> date:
        """The day after which no instance of it is left where that release was installed at
        once.
        """
        return self.replaced_on + LONGEST_LIFE


# The newest ones, which alone are started: another order of steps is another name
# (docs/changing.md). All of these and of KEPT are in shared/orchestrators.py.
PROCESS_SUBMISSION = "process_submission"
DESCRIBE_MEDIA = "describe_media"
KEPT: tuple[KeptOrchestrator, ...] = ()

PUBLISH_ACCEPTED = "publish_accepted"
START_DESCRIPTION = "start_description"
ESCALATE = "escalate"
CLASSIFY = "classify"
REPLY = "reply"
COMPLETE = "complete"
REPORT_REPLY = "report_failed_reply"
DEAD_LETTER = "dead_letter"

# Standard Webhooks' schedule: about 75 hours in all.
REPLY_DELAYS_S = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What every input carries: the W3C traceparent of the submission's trace, or nothing."""

    traceparent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an instance waits and how often it tries; fixed when it starts, so replay is the
    same.
    """

    escalate_after_s: float = 36 * 60.0
    first_retry_s: float = 1.0
    longest_retry_s: float = 300.0
    attempts: int = 30  # of one activity: in 1 h 48 min
    reply_delays_s: tuple[float, ...] = REPLY_DELAYS_S


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeMedia(Traced):
    """The input of `describe_media`, and of the activity that starts the job."""

    job_id: str
    number: int
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaResult:
    """The output of `describe_media`. `reason` is a sentence when it is not described."""

    number: int
    status: MediaStatus
    description_blob: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What `start_description` gives: the result at once when the content was described before."""

    result: MediaResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSubmission(Traced):
    """The input of `process_submission`; `media` are the numbers of its media items."""

    submission_id: str
    media: tuple[int, ...] = ()
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishAccepted(Traced):
    """The input of `publish_accepted`."""

    submission_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate(Traced):
    """The input of `escalate`."""

    job_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Classify(Traced):
    """The input of `classify`."""

    submission_id: str
    results: tuple[MediaResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRequest(Traced):
    """The input of `reply`."""

    submission_id: str
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyResult:
    """What `reply` gives. `state` is sent, none (no answer is due), refused or unavailable."""

    state: str
    at: str = ""
    reason: str = ""
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete(Traced):
    """The input of `complete`."""

    submission_id: str
    reply: ReplyResult


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterRequest(Traced):
    """The input of `dead_letter`."""

    submission_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a step gives that has nothing to tell."""

    done: bool = True
