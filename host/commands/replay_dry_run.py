"""mail-ingest replay --dry-run: what would become of each mail. Nothing is kept, queued or sent; a
command of its own, because it must open none of the stores that a replay writes to.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.clock import SystemClock
from adapters.local.blob_store import LocalBlobStore
from host.commands.replay import counted, is_failure, note_skipped, results_of
from host.intake import receive_policy
from host.stores import on_azure, open_stores
from host.terminal import say, say_json, say_table
from mail_ingest.replay import DryRun
from mail_ingest.screen import no_answer_sentence
from shared.model import LEFT_OUT_SENTENCES, Channel
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from host.commands.replay import Run
    from mail_ingest.replay import Replayed
    from shared.model import AnswerTo, JsonObject
    from shared.ports import BlobStore


def preview_mails(paths: Sequence[Path], run: Run, *, as_json: bool) -> int:
    """Say what would become of the mails; exit code 1 when one of them could not be taken, and
    where `replay_mails` says so for files that are not mails.
    """
    replayed = asyncio.run(_preview(Settings.read(), paths, run))
    if as_json:
        for each in replayed:
            say_json(_facts(each))
    else:
        rows = [_row(each) for each in replayed]
        say_table(f"{counted(replayed)}, dry run", ("mail", "taken?", "answered?"), rows)
        say("This was a dry run: nothing was taken, nobody was answered.")
    note_skipped(replayed)
    return 1 if is_failure(replayed, paths) else 0


async def _preview(settings: Settings, paths: Sequence[Path], run: Run) -> list[Replayed]:
    with tempfile.TemporaryDirectory(prefix="mail_ingest-dry-run-") as folder:
        async with _known(settings) as known:
            with closing(LocalBlobStore(Path(folder))) as scratch:
                dry_run = DryRun(
                    scratch=scratch,
                    known=known,
                    clock=SystemClock(),
                    policy=receive_policy(settings),
                    run_label=run.again,
                    answer=run.answer,
                )
                return await results_of(dry_run, paths, "Reading mails")


@asynccontextmanager
async def _known(settings: Settings) -> AsyncGenerator[BlobStore | None]:
    """Where the mails lie that were taken before; None where none ever was."""
    if on_azure():
        async with open_stores(settings) as stores:
            yield stores.blobs
        return
    blobs = settings.place.data / "blobs"
    if not blobs.is_dir():
        yield None
        return
    with closing(LocalBlobStore(blobs)) as store:
        yield store


def _facts(replayed: Replayed) -> JsonObject:
    facts: JsonObject = {"path": str(replayed.path), "problem": replayed.problem}
    if replayed.accepted is not None:
        submission = replayed.accepted.submission
        facts |= {
            "id": submission.id,
            "first": replayed.accepted.first,
            "media": len(submission.media),
            "left_out": submission.left_out,
            "answer": submission.answer_to.target if replayed.accepted.first else "",
            "no_answer": submission.answer_to.reason,
            "detail": submission.answer_to.detail,
        }
    return facts


def _row(replayed: Replayed) -> tuple[str, str, str]:
    name = replayed.path.name
    if replayed.accepted is None:
        return name, f"no: {replayed.problem}", ""
    if not replayed.accepted.first:
        return name, "no: it was taken before (--again LABEL takes it again)", "no"
    submission = replayed.accepted.submission
    taken = [f"yes: {len(submission.media)} photos and videos"]
    taken += [
        f"without {part.file_name or part.media_type}: {LEFT_OUT_SENTENCES[part.reason]}"
        for part in submission.left_out
    ]
    return name, "\n".join(taken), _answered(submission.answer_to)


def _answered(answer_to: AnswerTo) -> str:
    if answer_to.channel is Channel.NONE:
        return f"no: {no_answer_sentence(answer_to)}"
    how = "" if answer_to.proven else ", with a receipt that names nothing: nothing proves it"
    return f"yes: {answer_to.target}{how}"
