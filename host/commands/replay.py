"""mail-ingest replay: stored mails through the same door, with or without a server beside it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from host.data_folder import DataFolder
from host.intake import receive_policy
from host.lazy import open_now
from host.server import running
from host.stores import on_azure, open_stores
from host.terminal import note, progress, say, say_json, say_table
from mail_ingest.replay import Replay, mail_files
from mail_ingest.screen import no_answer_sentence
from shared.model import Channel
from shared.outcomes import Outcomes
from shared.ports import SubmissionState
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from host.services import Stores
    from mail_ingest.replay import DryRun, Replayed
    from shared.model import Outcome
    from shared.ports import IndexEntry

_ENDED = frozenset({SubmissionState.DONE, SubmissionState.DEAD_LETTERED})
_POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How the mails are taken: `again` is a label that makes them new, `answer` lets their senders
    be answered, `wait` waits for the outcomes.
    """

    again: str = ""
    answer: bool = False
    wait: bool = False


def replay_mails(paths: Sequence[Path], run: Run, *, as_json: bool) -> int:
    """Take the mails in; exit code 1 when one of them could not be taken, or was given up; when a
    file that was named is not a mail; and when there was no mail at all.
    """
    return asyncio.run(_replay(Settings.read(), paths, run, as_json=as_json))


async def _replay(settings: Settings, paths: Sequence[Path], run: Run, *, as_json: bool) -> int:
    async with _stores(settings, wait=run.wait) as stores:
        return await _take(settings, stores, paths, run, as_json=as_json)


@asynccontextmanager
async def _stores(settings: Settings, *, wait: bool) -> AsyncGenerator[Stores]:
    """Where the mails go, with somebody who works on them if we are to wait for that."""
    if not on_azure():
        served = DataFolder.open(settings.place.data).is_served()
        if wait and not served:
            # Nobody else works on the folder, so this process does until the outcomes are there.
            async with running(settings, doors=False) as host:
                yield host.parts.services.stores
            return
        if not served:
            note("No server runs on this folder: the mails are taken now and worked on later.")
    async with open_stores(settings) as stores:
        # Else each mail would say what is missing, and leave its blobs behind.
        open_now(stores.blobs, stores.queue, stores.index)
        yield stores


async def _take(
    settings: Settings,
    stores: Stores,
    paths: Sequence[Path],
    run: Run,
    *,
    as_json: bool,
) -> int:
    replayed = await _receive(settings, stores, paths, run)
    ids = list(dict.fromkeys(each.accepted.submission.id for each in replayed if each.accepted))
    if run.wait:
        await _until_ended(stores, ids)
    entries = {each: await stores.index.get(each) for each in ids}
    outcomes = {each: await Outcomes(blobs=stores.blobs).get(each) for each in ids}
    if as_json:
        for each in replayed:
            say_json(_facts(each, entries, outcomes))
    else:
        rows = [_row(each, entries, outcomes) for each in replayed]
        say_table(counted(replayed), ("mail", "submission", "what became of it"), rows)
        if not run.answer:
            say("Nobody is answered. --answer answers the senders, too; --dry-run says whom.")
    note_skipped(replayed)
    given_up = [e for e in entries.values() if e and e.state is SubmissionState.DEAD_LETTERED]
    return 1 if given_up or is_failure(replayed, paths) else 0


async def _receive(
    settings: Settings, stores: Stores, paths: Sequence[Path], run: Run
) -> list[Replayed]:
    replay = Replay(
        intake=stores.intake(),
        policy=receive_policy(settings),
        run_label=run.again,
        answer=run.answer,
    )
    return await results_of(replay, paths, "Taking mails")


async def results_of(replay: Replay | DryRun, paths: Sequence[Path], title: str) -> list[Replayed]:
    """Run over the mails in `paths` and show how far it is."""
    files = await asyncio.to_thread(lambda: list(mail_files(paths)))
    total = await asyncio.to_thread(lambda: sum(f.stat().st_size for f in files if f.is_file()))
    with progress(title, total) as step:
        return [result async for result in replay.run(files, on_read=step)]


async def _until_ended(stores: Stores, submission_ids: Sequence[str]) -> None:
    with progress("Working on them", len(submission_ids)) as step:
        waiting = list(submission_ids)
        while waiting:
            for each in tuple(waiting):
                entry = await stores.index.get(each)
                if entry is not None and entry.state in _ENDED:
                    waiting.remove(each)
                    step()
            await asyncio.sleep(_POLL_S)


def counted(replayed: Sequence[Replayed]) -> str:
    """The title of a table of mails."""
    mails = sum(each.is_mail for each in replayed)
    return "1 mail" if mails == 1 else f"{mails} mails"


def note_skipped(replayed: Sequence[Replayed]) -> None:
    """Say how many files in folders, or named, were skipped."""
    if skipped := sum(not each.is_mail for each in replayed):
        note(f"Files that were skipped because they are not mails: {skipped}.")


def is_failure(replayed: Sequence[Replayed], paths: Sequence[Path]) -> bool:
    """Whether a mail was not taken, a file that was named is not a mail, or none is a mail."""
    failed = any(each.problem and (each.is_mail or each.path in paths) for each in replayed)
    return failed or not any(each.is_mail for each in replayed)


def _facts(
    replayed: Replayed,
    entries: dict[str, IndexEntry | None],
    outcomes: dict[str, Outcome | None],
) -> dict[str, object]:
    facts: dict[str, object] = {"path": str(replayed.path), "problem": replayed.problem}
    if replayed.accepted is not None:
        submission = replayed.accepted.submission
        entry = entries[submission.id]
        facts |= {
            "id": submission.id,
            "first": replayed.accepted.first,
            "media": len(submission.media),
            "left_out": submission.left_out,
            "no_answer": submission.answer_to.reason,
            "state": entry.state if entry else SubmissionState.ACCEPTED,
            "outcome": outcomes[submission.id],
        }
    return facts


def _row(
    replayed: Replayed,
    entries: dict[str, IndexEntry | None],
    outcomes: dict[str, Outcome | None],
) -> tuple[str, str, str]:
    if replayed.accepted is None:
        return replayed.path.name, "", replayed.problem
    submission = replayed.accepted.submission
    entry, outcome = entries[submission.id], outcomes[submission.id]
    state = entry.state.value if entry else "accepted"
    said = [f"{state}, {outcome.status.value}" if outcome else state]
    if not replayed.accepted.first:
        said.append("(was taken before; --again LABEL takes it again)")
    if entry and entry.reason:
        said.append(entry.reason)
    if submission.answer_to.channel is Channel.NONE:
        said.append(f"no answer: {no_answer_sentence(submission.answer_to)}")
    said += [
        f"{item.file_name}: {item.status.value}" for item in (outcome.media if outcome else ())
    ]
    said += [
        f"left out {part.file_name or part.media_type}: {part.reason.value}"
        for part in submission.left_out
    ]
    return replayed.path.name, submission.id, "\n".join(said)
