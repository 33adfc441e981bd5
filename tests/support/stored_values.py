"""What is stored, queued or sent to another version of us: its types, and the names that outlive a
release. Whether today's code still reads and has what an older release has written down.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from adapters.azure.graph_subscription import Subscribed
from adapters.azure.index_rows import list_prefix, partition_of, truth_key
from adapters.azure.jobs.launches import Launch
from adapters.azure.jobs.ledger import OpenJob
from adapters.azure.mailbox_state import WaitingMail
from describer.assignment import Item
from describer.protocol import Report
from host.setting_names import known_names
from shared import events, ids, intake, model, steps
from shared.codec import to_json
from shared.description import Description
from shared.outcomes import revision_name
from shared.ports import DescriptionJob, ReplyReceipt, SubmissionState
from shared.turns import Turn
from tests.support.histories import FOLDER, holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from shared.model import JsonObject

VALUES = FOLDER / "values"
NAMES = FOLDER / "names"

TYPES: dict[str, type[object]] = {
    kind.__name__: kind
    for kind in (
        *(model.Submission, model.SubmissionQueued, model.Outcome, model.CloudEvent, Description),
        *(events.MediaDescribed, DescriptionJob, ReplyReceipt),
        *(OpenJob, Launch, Report, Item, WaitingMail, Subscribed),
        *(steps.ProcessSubmission, steps.DescribeMedia, steps.MediaResult, steps.Started),
        *(steps.PublishAccepted, steps.Escalate, steps.Classify, steps.ReplyRequest),
        *(steps.ReplyResult, steps.Complete, steps.DeadLetterRequest, steps.Done),
    )
}
ENUMS: tuple[type[StrEnum], ...] = (
    *(model.Kind, model.Channel, model.LeftOutReason, model.MediaStatus, model.OutcomeStatus),
    SubmissionState,
)


def check_values(name: str, kind: type[object], examples: Iterable[JsonObject]) -> str:
    """Nothing, or what of the examples today's type does not read, and what to do about it."""
    for example in examples:
        for value in example.values():
            try:
                stored = msgspec.convert(value, kind)
            except msgspec.ValidationError as error:
                return _not_read(name, str(error))
            if not holds(json.loads(to_json(stored)), value):
                return _not_read(name, "a field that was stored is lost or changed")
    return ""


def check_names(what: str, known: Iterable[str], today: Iterable[str]) -> str:
    """Nothing, or which names are gone, and what to do about it."""
    gone = sorted(set(known) - set(today))
    if not gone:
        return ""
    return (
        f"Of the {what} that an older release has used, these are gone: {', '.join(gone)}. What is"
        " stored, set or called by them would not be found: keep the old name, and add a new one"
        " beside it; see docs/changing.md."
    )


def load_examples() -> list[dict[str, JsonObject]]:
    """What each release has added, by the type's name: a value with all fields, and one with none
    but the needed.
    """
    files = sorted(VALUES.glob("*.json"), key=lambda file: int(file.stem))
    return [json.loads(file.read_text("utf-8")) for file in files]


def load_names(what: str) -> list[str]:
    """The names of a kind that an older release has used."""
    return (NAMES / f"{what}.txt").read_text("utf-8").splitlines()


def names_of_today() -> Mapping[str, list[str]]:
    """All names that outlive a release, by their kind."""
    return {
        "settings": sorted(known_names()),
        "values": [f"{kind.__name__}.{it}" for kind in ENUMS for it in kind],
        "activities": sorted(_constants(steps) - {steps.PROCESS_SUBMISSION, steps.DESCRIBE_MEDIA}),
        "events": sorted(_constants(events)),
        "blobs": _blobs(),
        "ids": _ids(),
        "rows": _rows(),
    }


def _not_read(name: str, why: str) -> str:
    return (
        f"{name} does not read any more what an older release has stored: {why}. A new field needs"
        " a default, and one that was stored keeps its name, its type and its meaning; see"
        " docs/changing.md."
    )


def _constants(module: ModuleType) -> set[str]:
    values = {name: value for name, value in vars(module).items() if isinstance(value, str)}
    return {value for name, value in values.items() if name.isupper() and name[0] != "_"}


def _blobs() -> list[str]:
    first, second = Turn("mail-1", 1).folder, Turn("mail-1", 2).folder
    return [
        intake.record_name("mail-1"),
        intake.outcome_name("mail-1"),
        revision_name("mail-1", 1),
        *(intake.original_name(folder) for folder in (first, second)),
        *(intake.media_name(folder, 3, "cat.jpg") for folder in (first, second)),
        intake.description_name("ab12", "local", "1"),
        intake.thumbnail_name("ab12"),
        intake.upload_name("client", "u1"),
    ]


def _ids() -> list[str]:
    key = ids.mailbox_key("Tips@Newsroom.example", "<1@example.org>", "2026-01-05T09:00:00Z")
    return [
        ids.submission_id("mail", key),
        ids.submission_id("http", ids.http_key("client", "key-1")),
        ids.submission_id("replay", ids.replay_key("ab12")),
        ids.submission_id("replay", ids.replay_key("ab12", "again")),
        ids.media_instance_id("mail-1", 3),
        ids.copied_message_id("mail-1"),
        ids.reply_id("mail-1"),
        ids.reply_id("mail-1", 2),
    ]


def _rows() -> list[str]:
    state, category = SubmissionState.DONE, "medtop:15000000"
    return [
        partition_of("mail-1"),
        truth_key("mail-1"),
        list_prefix(),
        list_prefix(state=state),
        list_prefix(category=category),
        list_prefix(state=state, category=category),
        list_prefix(escalated_only=True),
    ]
