"""mail-ingest replay: stored mails through the same door, with or without a server beside it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from host.data_folder import DataFolder
from host.intake import receive_policy
from host.lazy import open_now
from host.server import running
from host.stores import on_azure, open_stores
from host.terminal import note, progress, say_json, say_table
from mail_ingest.replay import Replay, mail_files
from shared.outcomes import Outcomes
from shared.ports import SubmissionState
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from host.services import Stores
    from mail_ingest.replay import Replayed
    from shared.model import Outcome
    from shared.ports import IndexEntry

_ENDED = frozenset({SubmissionState.DONE, SubmissionState.DEAD_LETTERED})
_POLL_S = 0.2


def replay(paths: Sequence[Path], *, wait: bool, again: str, as_json: bool) -> int:
    """Take the mails in; exit code 1 when one of them could not be taken, or was given up."""
    settings = Settings.read()
    return asyncio.run(_replay(settings, paths, wait=wait, again=again, as_json=as_json))


async def _replay(
    settings: Settings, paths: Sequence[Path], *, wait: bool, again: str, as_json: bool
) -> int:
    async with _stores(settings, wait=wait) as stores:
        return await _take(settings, stores, paths, wait=wait, again=again, as_json=as_json)


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
    *,
    wait: bool,
    again: str,
    as_json: bool,
) -> int:
    replayed = await _receive(settings, stores, paths, again)
    ids = list(dict.fromkeys(each.accepted.submission.id for each in replayed if each.accepted))
    if wait:
        await _until_ended(stores, ids)
    entries = {each: await stores.index.get(each) for each in ids}
    outcomes = {each: await Outcomes(blobs=stores.blobs).get(each) for each in ids}
    if as_json:
        for each in replayed:
            say_json(_facts(each, entries, outcomes))
    else:
        rows = [_row(each, entries, outcomes) for each in replayed]
        say_table(_counted(replayed), ("mail", "submission", "what became of it"), rows)
    given_up = [e for e in entries.values() if e and e.state is SubmissionState.DEAD_LETTERED]
    return 1 if given_up or any(each.problem for each in replayed) else 0


async def _receive(
    settings: Settings, stores: Stores, paths: Sequence[Path], again: str
) -> list[Replayed]:
    files = await asyncio.to_thread(lambda: list(mail_files(paths)))
    total = await asyncio.to_thread(lambda: sum(f.stat().st_size for f in files if f.is_file()))
    run = Replay(intake=stores.intake(), policy=receive_policy(settings), run_label=again)
    with progress("Taking mails", total) as step:
        return [result async for result in run.run(files, on_read=step)]


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


def _counted(replayed: Sequence[Replayed]) -> str:
    return "1 mail" if len(replayed) == 1 else f"{len(replayed)} mails"


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
    said += [
        f"{item.file_name}: {item.status.value}" for item in (outcome.media if outcome else ())
    ]
    said += [
        f"left out {part.file_name or part.media_type}: {part.reason.value}"
        for part in submission.left_out
    ]
    return replayed.path.name, submission.id, "\n".join(said)
