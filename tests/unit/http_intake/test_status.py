"""What a client is told of a submission, and how often it should ask."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from http_intake import status
from shared.model import AnswerTo, BlobRef, Channel, Defect, Submission, Submitter
from shared.ports import IndexEntry, SubmissionState

SUBMISSION = Submission(
    id="mail-aaaaaaaaaaaaaaaaaaaaaaaaaa",
    source="mail",
    received_at="2026-11-24T10:00:00.000Z",
    submitter=Submitter(address="ann@example.org", display_name="Ann"),
    answer_to=AnswerTo(channel=Channel.MAIL, target="ann@example.org"),
    text="private",
    original=BlobRef(blob="submissions/x/original.eml", size=1, sha256="0" * 64),
    defects=(Defect(part="1", clause="RFC 2045", sentence="Broken."),),
)
ENTRY = IndexEntry(
    submission_id=SUBMISSION.id,
    source="mail",
    received_at=SUBMISSION.received_at,
    state=SubmissionState.DEAD_LETTERED,
    reason="It failed five times.",
)


def test_neither_the_sender_nor_blobs_nor_the_text_are_told() -> None:
    body = status.status_json(SUBMISSION, None, None).decode()
    assert not [word for word in ("ann@", "original", "private", "Broken") if word in body]


def test_a_submission_that_was_given_up_says_why() -> None:
    told = json.loads(status.status_json(SUBMISSION, ENTRY, None))
    assert told["state"] == "dead_lettered"
    assert told["reason"] == "It failed five times."


def test_a_submission_that_the_index_does_not_know_yet_is_accepted() -> None:
    assert status.state_of(None) is SubmissionState.ACCEPTED


@pytest.mark.parametrize(
    ("header", "matches"),
    [("", False), ('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False)],
)
def test_an_etag_is_compared_as_the_rfc_says(header: str, matches: bool) -> None:
    assert status.matches(header, '"a"') is matches


@pytest.mark.parametrize(("age_s", "expected"), [(-5, 1), (0, 1), (50, 10), (100_000, 60)])
def test_one_asks_soon_at_first_and_less_often_later(age_s: int, expected: int) -> None:
    age = timedelta(seconds=age_s)
    assert status.retry_after_s(SubmissionState.DESCRIBING, age) == expected
    assert status.retry_after_s(SubmissionState.DONE, age) is None
