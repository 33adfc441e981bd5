"""The names of log actions, their fields, metrics and spans: what alerts and dashboards stand on.

Code writes the names as plain words; a test holds every use to these tables and every line of the
tables to a use. docs/telemetry.md explains them. The port is `shared.ports.Telemetry`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# The `action` of a log line -> what has happened. One action, one meaning.
ACTIONS = {
    "activities_left": "The process ended before these activities ran; the next start runs them.",
    "activity_failed": "An activity raised; the engine tries it again.",
    "activity_result_ignored": "An activity ended after its instance did.",
    "attachment_refused": "Graph does not give an attachment; its mail is read without it.",
    "close_failed": "Something did not close in good order; the program ends all the same.",
    "container_started": "A container was asked for, with some of a submission's media.",
    "describer_not_confined": "This system lacks some of what confines describers: `reason`.",
    "describer_lost": "A describer process crashed, or took too long and was ended.",
    "describer_not_started": "No describer process can be started.",
    "describer_stopped": "A describer process refuses its settings.",
    "description_failed": "The describer failed on a file in a way that nobody foresaw.",
    "description_unavailable": "The description service was not there; the job is tried again.",
    "desk_mail_refused": "The desk's address does not take our notice.",
    "dispatch_abandoned": "A submission could not be started; its message comes again.",
    "dispatch_failed": "A mistake of ours kept a submission from being started; its message waits.",
    "dispatch_sent_anew": "A service that a start needs is down for long; the message goes on.",
    "draft_gone": "An answer was sent, and its draft is no longer found.",
    "drain_too_long": "A container was to stop, and activities took too long; they run elsewhere.",
    "engine_commit_failed": "The durable engine could not write its file.",
    "event_failed": "The handler of a delivered event raised; the event comes again.",
    "event_given_up": "No handler took an event in time.",
    "event_handler_failed": "The handler of an event raised; the event comes again.",
    "event_not_sent": "A container could not send its event; whoever reads its report does.",
    "event_pump_waits": "The state database fails; events wait.",
    "event_refused": "A delivery was no event, or one that makes no sense.",
    "event_waits": "A delivered event met a service that is down; it comes again.",
    "instance_failed": "An orchestration ended as failed.",
    "intake_end_not_noted": "A submission was taken or refused, and the journal could not be told.",
    "job_ended": "A description job has ended and is told.",
    "job_put_off": "A description job went wrong and is tried again.",
    "jobs_refused": "Azure refuses our containers; a person must look at the settings.",
    "jobs_wait": "Description jobs wait: no room for a container, or a service is down.",
    "level_not_measured": "A level, such as the depth of the queue, cannot be read at the moment.",
    "mail_not_sent": "A mail server did not take a mail.",
    "mailbox_link_refused": "The mailbox named a page on another host; it was not followed.",
    "mailbox_resync": "The mailbox's change log starts over; everything is listed again.",
    "mailbox_unavailable": "The mailbox cannot be read at the moment.",
    "media_escalated": "No description came, so the desk was told.",
    "message_dead_lettered": "A mail or a queue message was put aside.",
    "message_failed": "A mail could not be received; it is tried again.",
    "message_lock_lost": "The lock of a queue message had ended before it was settled.",
    "message_lock_not_renewed": "The lock of a queue message could not be renewed; tried again.",
    "message_not_abandoned": "A queue message could not be given back; its lock ends by itself.",
    "message_postponed": "A mail waits because a service is down.",
    "message_release_failed": "A mail could not be given back; its claim ends by itself.",
    "metrics": "The metrics of this process have changed (one machine only).",
    "mime_given_up": "A mail failed too often as it came; it is put together from its attachments.",
    "instances_purged": "Ended orchestrations were forgotten, with their histories.",
    "mail_moved_elsewhere": "A rule or a person moved a claimed mail; it stays there.",
    "mailbox_changes_failed": "The list of changes cannot be read; the sweep goes on.",
    "mailbox_folder_missing": "A folder of ours is not there any more; it is made again.",
    "mailbox_link_forgotten": "The stored link to the changes was refused; all is listed.",
    "mailbox_listing_endless": "A list of the mailbox did not end; what it gave so far is used.",
    "message_id_shared": "Two senders chose one Message-ID in one second; both mails are taken.",
    "mime_refused": "Graph does not give a mail as it came.",
    "note_refused": "Why a mail was put aside could not be noted on it.",
    "notification_refused": "Somebody told of new mail without our secret.",
    "orphan_removed": "A container that no job stands for was removed.",
    "outcome_revised": "The desk, or a late description, changed an outcome.",
    "queue_unavailable": "The queue cannot be worked off at the moment.",
    "record_damaged": "A record cannot be read. Restore it from a copy, or replay its original.",
    "renewal_failed": "A claim or a turn could not be renewed; it is tried again until it ends.",
    "reply_failed": "An answer could not be delivered for good.",
    "request_refused": "An HTTP request, or a line to the describer, was refused.",
    "result_not_taken": "The task hub does not take a result; it is reported until it does.",
    "result_not_wanted": "A step's result came too late: another worker has been given the step.",
    "round_failed": "A round of regular work failed; the next one tries again.",
    "server_failed": "A part of the server failed, so it stops.",
    "server_started": "The server serves.",
    "service_unavailable": "An HTTP request met a service that is down.",
    "setting_unknown": "The environment names a setting that there is not; mistyped, most likely.",
    "settings_odd": "Settings do not fit together; the reason says which, and what follows.",
    "smtp_mail_not_stored": "A mail by SMTP could not be stored; its sender tries again.",
    "smtp_mail_taken": "A mail came by SMTP.",
    "smtp_session_failed": "An SMTP session failed in a way that nobody foresaw.",
    "storage_full": "An HTTP request met a full disk.",
    "submission_accepted": "A submission is in; from here on it is ours.",
    "submission_completed": "A submission has its outcome, and its answer if one was due.",
    "submission_dead_lettered": "A submission was put aside for a person.",
    "subscription_failed": "Graph will not tell of new mail; the poll finds it.",
    "sweep_filed": "The sweep filed submissions of an older release under their categories.",
    "sweep_put_aside": "The sweep made failed orchestrations visible.",
    "sweep_queued": "The sweep queued submissions that a crash had left half-way.",
    "sweep_removed": "The sweep removed what a crash cut off and nobody sent again.",
    "third_party_unavailable": "The third-party service gave no usable answer.",
    "tidy_up_failed": "Blobs of a submission that was not accepted stay behind.",
    "transfer_failed": "A description job could not fetch its media or file its result.",
    "uploads_stay": "Files uploaded by URL could not be removed after their submission was taken.",
}

# The fields of log lines and the attributes of spans -> what they hold.
FIELDS = {
    "activity": "The name of an activity.",
    "attempt": "Which attempt this is, from 1.",
    "attempts": "How many attempts there were.",
    "code": "The error code of a service.",
    "container": "The name of a container.",
    "count": "How many.",
    "error": "The class of an error; of one of ours mostly its sentence.",
    "folder": "The name of a folder of the mailbox: one of our own.",
    "event_id": "The ID of a CloudEvent.",
    "event_type": "The type of a CloudEvent.",
    "first": "Whether the submission was new (1) or known already (0).",
    "instance_id": "The instance of an orchestration: a submission ID, or with a media number.",
    "job_id": "A description job: submission ID, colon, media number.",
    "left_out": "How many parts were left out.",
    "mail": "The name of a mail's file in the Maildir.",
    "media": "How many photos and videos there are.",
    "message_id": "The ID of a queue message: that of its submission.",
    "number": "The number of a media item, from 1.",
    "orchestrator": "The name of an orchestrator.",
    "problem": "The name of the RFC 9457 problem that was answered.",
    "reason": "A sentence.",
    "reply": "How the answer went: sent, none, refused, unavailable.",
    "reply_id": "The ID of an answer, which begins with its submission's, or of a desk mail.",
    "retry_after_s": "How long a service asked to be left alone, in seconds.",
    "revision": "The number of a revision of an outcome.",
    "service": "The name of a service that we depend on.",
    "state": "How something ended or stands, as a word.",
    "status": "An HTTP status, or the status of an outcome.",
    "submission_id": "The submission; the same in logs, spans, blobs and events.",
    "trace_id": "The trace, where one is recorded (32 hexadecimal digits).",
}


class MetricKind(StrEnum):
    """How the values of a metric add up."""

    COUNTER = "counter"
    DISTRIBUTION = "distribution"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`unit` is UCUM as OpenTelemetry wants it; `dimensions` are what it is told apart by."""

    kind: MetricKind
    unit: str
    meaning: str
    dimensions: tuple[str, ...] = ()


def _counter(unit: str, meaning: str, *dimensions: str) -> Metric:
    return Metric(kind=MetricKind.COUNTER, unit=unit, meaning=meaning, dimensions=dimensions)


def _distribution(unit: str, meaning: str, *dimensions: str) -> Metric:
    return Metric(kind=MetricKind.DISTRIBUTION, unit=unit, meaning=meaning, dimensions=dimensions)


# What runs again after a crash may be counted twice: these are for alerts, the index is for books.
METRICS = {
    "answer_age_seconds": _distribution("s", "From receipt to the answer that was sent."),
    "completion_age_seconds": _distribution("s", "From receipt to the outcome."),
    "description_seconds": _distribution("s", "One run of a description.", "kind"),
    "descriptions_from_cache": _counter("{item}", "Content that was described before."),
    "media_accepted": _counter("{item}", "Photos and videos that came in.", "kind"),
    "media_described": _counter("{item}", "Descriptions that came back.", "status"),
    "media_escalated": _counter("{item}", "Items given to the desk."),
    "parts_left_out": _counter("{part}", "Parts not taken.", "reason"),
    "queue_depth": Metric(
        kind=MetricKind.GAUGE,
        unit="{message}",
        meaning="Submissions that wait to be started; on Azure counted up to 10,000.",
    ),
    "replies": _counter("{reply}", "Attempts to answer.", "state"),
    "submission_bytes": _distribution("By", "The size of a submission as it came.", "source"),
    "submissions_accepted": _counter("{submission}", "Submissions that came in.", "source"),
    "submissions_completed": _counter("{submission}", "Submissions with an outcome.", "status"),
    "submissions_dead_lettered": _counter("{submission}", "Submissions put aside."),
}


class SpanKind(StrEnum):
    """What a span is for its neighbours, as in OpenTelemetry."""

    SERVER = "server"
    CONSUMER = "consumer"
    INTERNAL = "internal"


# The spans of doors and of the way between them; an activity's span has the activity's name.
SPANS = {
    "POST /v1/emails": SpanKind.SERVER,
    "POST /v1/submissions": SpanKind.SERVER,
    "receive_mail": SpanKind.CONSUMER,
    "accept_submission": SpanKind.INTERNAL,
    "dispatch_submission": SpanKind.CONSUMER,
    "describe": SpanKind.INTERNAL,
    "take_description": SpanKind.CONSUMER,
}
