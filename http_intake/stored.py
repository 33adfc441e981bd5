"""What is stored of a submission, read for a client; damage is told to client and log."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from http_intake.problem_types import DAMAGED
from http_intake.problems import ProblemError
from shared.codec import from_json, to_json
from shared.errors import BlobNotFoundError, StorageCorruptError
from shared.intake import outcome_name
from shared.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Generator

    from shared.intake import Intake
    from shared.model import Submission
    from shared.ports import BlobStore

logger = logging.getLogger(__name__)


async def record(intake: Intake, submission_id: str) -> Submission | None:
    """The record, or None. Raises ProblemError when it is damaged."""
    with _damage_told("record", submission_id):
        return await intake.known(submission_id)


async def outcome_json(blobs: BlobStore, submission_id: str) -> bytes | None:
    """The outcome, or None while there is none. Raises ProblemError when it is damaged."""
    name = outcome_name(submission_id)
    try:
        stored = await blobs.get(name)
    except BlobNotFoundError:
        return None
    with _damage_told("outcome", submission_id):
        # Read and written anew: nothing is passed on that is no outcome.
        return to_json(from_json(stored, Outcome, where=name))


@contextmanager
def _damage_told(what: str, submission_id: str) -> Generator[None]:
    try:
        yield
    except StorageCorruptError as exc:
        facts = {"submission_id": submission_id, "reason": str(exc)}
        logger.error("damaged record", extra={"action": "record_damaged", **facts})  # noqa: TRY400
        raise ProblemError(
            DAMAGED,
            f"The stored {what} of this submission is damaged, so it cannot be told. Asking again"
            " does not help: give its ID to whoever runs the service.",
        ) from exc
