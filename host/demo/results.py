"""What came out of the demonstration, and whether all of it is right."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import TYPE_CHECKING

from shared.model import Channel, MediaStatus
from shared.outcomes import Outcomes

if TYPE_CHECKING:
    from pathlib import Path

    from host.demo.receiver import Receiver
    from host.demo.sending import Sent
    from host.server import Running
    from shared.model import MediaOutcome, Outcome, Submission

_MOST_LABELS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One mail and what became of it. `problems` are sentences; none means that it is right."""

    sent: Sent
    submission: Submission
    outcome: Outcome
    answer: str
    problems: tuple[str, ...]

    def row(self) -> tuple[str, str, str, str, str]:
        """The result as a line of the table."""
        left_out = [
            f"({part.file_name or part.media_type}: {part.reason})"
            for part in self.submission.left_out
        ]
        return (
            f"{self.sent.name}\nby {self.sent.door}",
            "\n".join([*(_media(item) for item in self.outcome.media), *left_out]),
            "\n".join(_labels(item) for item in self.outcome.media),
            "\n".join(category.name for category in self.outcome.categories),
            "\n".join((self.answer, *self.problems)),
        )


async def check(
    host: Running, sent: Sent, submission: Submission, twin: Path, receiver: Receiver
) -> Result:
    """Compare an outcome with what the mail's twin file says must come out."""
    outcome = await Outcomes(blobs=host.parts.services.stores.blobs).get(submission.id)
    if outcome is None:
        raise RuntimeError(f"{sent.name} has no outcome")
    if submission.answer_to.channel is Channel.WEBHOOK:
        answer, problems = _webhook(submission, receiver)
    else:
        answer, problems = _mail(host.parts.folder.outbox, submission, sent)
    return Result(
        sent=sent,
        submission=submission,
        outcome=outcome,
        answer=answer,
        problems=(*problems, *_media_problems(outcome, _expected_media(twin))),
    )


def _expected_media(twin: Path) -> list[dict[str, str]] | None:
    """What the fixture says must come out; None for what has no fixture."""
    return json.loads(twin.read_text("utf-8"))["media"] if twin.exists() else None


def _media_problems(outcome: Outcome, expected: list[dict[str, str]] | None) -> list[str]:
    problems = [
        f"{item.file_name} is not described: {item.reason}"
        for item in outcome.media
        if item.status is not MediaStatus.DESCRIBED
    ]
    if expected is not None:
        wanted = sorted(each["sha256"] for each in expected)
        if wanted != sorted(item.sha256 for item in outcome.media):
            problems.append("The media are not those that the mail holds.")
    if not outcome.media:
        problems.append("No media came out.")
    if not outcome.categories:
        problems.append("No category was found.")
    return problems


def _mail(outbox: Path, submission: Submission, sent: Sent) -> tuple[str, list[str]]:
    answers = [
        (file, message)
        for file in outbox.glob("*.eml")
        if (message := _read(file))["In-Reply-To"] == submission.answer_to.in_reply_to
    ]
    if len(answers) != 1:
        return f"{len(answers)} answers", [f"There are {len(answers)} answer mails, not one."]
    file, message = answers[0]
    problems = [] if sent.message_id in str(message["References"]) else ["It is not threaded."]
    if message["Auto-Submitted"] != "auto-replied":
        problems.append("It is not marked as an automatic reply.")
    return f"mail to {message['To']}\n{file.name}", problems


def _webhook(submission: Submission, receiver: Receiver) -> tuple[str, list[str]]:
    problems = [] if submission.id in receiver.outcomes else ["No webhook came."]
    if receiver.forged:
        problems.append("A webhook came with a wrong signature.")
    if receiver.calls > 1:
        problems.append("The webhook came more than once.")
    return f"signed webhook to\n{submission.answer_to.target}", problems


def _read(file: Path) -> EmailMessage:
    return message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=default)


def _media(item: MediaOutcome) -> str:
    return f"{item.file_name} ({item.kind.value})"


def _labels(item: MediaOutcome) -> str:
    description = item.description or {}
    seen = [*description.get("labels", ()), *description.get("objects", ())]
    best = {each["name"]: each["confidence"] for each in sorted(seen, key=_confidence)}
    names = sorted(best.items(), key=lambda entry: -entry[1])[:_MOST_LABELS]
    return ", ".join(f"{name} {confidence:.0%}" for name, confidence in names) or "(nothing named)"


def _confidence(seen: dict[str, float]) -> float:
    return seen["confidence"]
