"""mail-ingest demo: the whole system on a fresh folder, fed with real mails, checked, and shown."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.web.signing import new_secret
from host.demo.receiver import receiving
from host.demo.results import check
from host.demo.sending import (
    send_by_http,
    send_by_maildir,
    send_by_replay,
    send_by_smtp,
    send_files,
)
from host.intake import receive_policy
from host.logs import log_to_stderr
from host.server import running
from host.terminal import progress, say, say_table
from shared.errors import SettingsError
from shared.ports import SubmissionState
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from host.demo.results import Result
    from host.demo.sending import Sent
    from host.server import Running
    from shared.model import Submission

FIXTURES = Path(__file__).parent.parent.parent / "tests" / "fixtures"
_PATIENCE_S = 300.0
_ANY_AGE_DAYS = 36_500
_ENDED = frozenset({SubmissionState.DONE, SubmissionState.DEAD_LETTERED})
_COLUMNS = ("mail", "media (left out)", "labels", "categories", "answer")


def demo(keep: Path | None) -> int:
    """Run it; exit code 0 only when every mail came out right."""
    mails = sorted((FIXTURES / "emails" / "demo").glob("*.eml"))
    if not mails:
        raise SettingsError(
            "demo", f"there are no sample mails in {FIXTURES}; use a full checkout."
        )
    if keep is not None and keep.exists():
        raise SettingsError("--keep", f"{keep} exists; name a folder that does not.")
    folder = keep or Path(tempfile.mkdtemp(prefix="mail_ingest-demo-"))
    secret = new_secret()
    settings = _settings(folder, secret)
    log_to_stderr("WARNING")
    say(f"Starting the system on {folder} ...")
    results = asyncio.run(_run(settings, mails, secret))
    say_table("What became of the mails", _COLUMNS, [result.row() for result in results])
    wrong = sum(bool(result.problems) for result in results)
    say(f"Answers:  {folder / 'outbox'}")
    if not settings.intake.authserv_id:
        say("          They name no file and show no picture, because nothing proves who sent the")
        say("          mails. Set MAIL_INGEST_AUTHSERV_ID to your mail server's name to get more.")
    say(f"Data:     {folder}   (blobs/submissions holds originals, media and outcomes)")
    say(f"{wrong} of {len(results)} are not right." if wrong else "All of it is right.")
    return 1 if wrong else 0


def _settings(folder: Path, secret: str) -> Settings:
    """The user's settings, on a fresh folder and free ports, with answers into the outbox."""
    given = Settings.read()
    return replace(
        given,
        place=replace(given.place, data=folder),
        http=replace(given.http, host="127.0.0.1", port=0, keys=(), public_url=""),
        smtp_in=replace(given.smtp_in, host="127.0.0.1", port=0, recipients=(), certificate=""),
        answer=replace(
            given.answer,
            smtp_host="",
            max_age_days=_ANY_AGE_DAYS,  # the sample mails grow old
            desk_address="",
            webhook_secrets=(secret,),
            webhook_allow=("127.0.0.1",),
        ),
    )


async def _run(settings: Settings, mails: Sequence[Path], secret: str) -> list[Result]:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving(secret))
        host = await stack.enter_async_context(running(settings))
        with progress("Sending mails", len(mails) + 1) as step:
            sent: list[Sent] = []
            for number, file in enumerate(mails):
                sent.append(await _send(host, settings, number, file))
                step()
            photos = [
                FIXTURES / "media" / name for name in ("boats_nagasaki.jpg", "rocket_launch.jpg")
            ]
            sent.append(await send_files(host, photos, receiver.url))
            step()
        submissions = await _wait(host, sent)
        return [
            await check(host, each, submission, _twin(mails, each), receiver)
            for each, submission in zip(sent, submissions, strict=True)
        ]


async def _send(host: Running, settings: Settings, number: int, file: Path) -> Sent:
    """Each door in turn."""
    match number % 4:
        case 0:
            return await send_by_smtp(host, file)
        case 1:
            return await send_by_http(host, file)
        case 2:
            return await send_by_replay(host, file, receive_policy(settings))
        case _:
            return await send_by_maildir(host, file)


async def _wait(host: Running, sent: Sequence[Sent]) -> list[Submission]:
    """The submissions of the mails, in their order, once all of them have ended."""
    with progress("Describing and answering", len(sent)) as step:
        ended: dict[Sent, Submission] = {}
        async with asyncio.timeout(_PATIENCE_S):
            while len(ended) < len(sent):
                for each in sent:
                    if each not in ended and (submission := await _ended(host, each)):
                        ended[each] = submission
                        step()
                await asyncio.sleep(0.1)
    return [ended[each] for each in sent]


async def _ended(host: Running, sent: Sent) -> Submission | None:
    """The submission of a mail if it has ended. A mail that came by mail is found by its Message-
    ID.
    """
    stores = host.parts.services.stores
    for entry in await stores.index.list():
        if entry.state in _ENDED:
            submission = await stores.intake().known(entry.submission_id)
            if submission and (
                submission.id == sent.submission_id
                or (sent.message_id and submission.answer_to.in_reply_to == sent.message_id)
            ):
                return submission
    return None


def _twin(mails: Sequence[Path], sent: Sent) -> Path:
    return mails[0].with_name(sent.name).with_suffix(".json")
