"""Stored mails through receive again: files, folders, mbox files, good and bad."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from adapters.local.blob_store import LocalBlobStore
from mail_ingest.mail_head import NOT_A_MAIL
from mail_ingest.receive import ReceivePolicy
from mail_ingest.replay import DryRun, Replay, Replayed, mail_files
from shared import ids
from shared.errors import AccessRefusedError, StorageFullError
from tests.support.faulty_intake import Fault, faulty_intake
from tests.support.images import image_bytes
from tests.support.local_services import LocalServices, local_services
from tests.support.mails import mail, photo, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.intake import Intake

POLICY = ReceivePolicy()
FROM = b"From kari@example.org Tue Nov 24 12:00:00 2026\n"


def numbered(number: int) -> bytes:
    return mail(text(f"Mail {number}"), photo(image_bytes("PNG", (100 + number, 50))))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[LocalServices]:
    with local_services(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mails" / "sub").mkdir(parents=True)
    return tmp_path / "mails"


async def replay(intake: Intake, *paths: Path, label: str = "") -> list[Replayed]:
    run = Replay(intake=intake, policy=POLICY, run_label=label)
    return [result async for result in run.run(mail_files(paths))]


async def test_folders_are_searched_and_each_mail_is_taken(
    services: LocalServices, folder: Path
) -> None:
    (folder / "1.eml").write_bytes(numbered(1))
    (folder / "sub" / "2.EML").write_bytes(numbered(2))
    (folder / "sub" / "box.mbox").write_bytes(
        FROM + numbered(3) + b"\n" + FROM + numbered(4) + b"\n"
    )
    (folder / "cur").mkdir()
    (folder / "cur" / "1.M5P2.host:2,S").write_bytes(numbered(5))
    (folder / "1.json").write_bytes(b"{}")
    (folder / ".hidden.eml").write_bytes(numbered(6))
    results = await replay(services.intake, folder)
    assert {result.problem for result in results} == {""}
    texts = {result.accepted.submission.text for result in results if result.accepted}
    assert texts == {f"Mail {number}" for number in range(1, 6)}
    originals = {r.accepted.submission.original for r in results if r.accepted}
    assert {o.sha256 for o in originals if o} == {r.mail.sha256 for r in results if r.mail}


async def test_the_key_of_a_mail_is_its_content(services: LocalServices, folder: Path) -> None:
    for name in ("a.eml", "b.eml"):
        (folder / name).write_bytes(numbered(1))
    (folder / "box").write_bytes(FROM + numbered(1) + b"\n")
    results = await replay(services.intake, folder)
    assert sum(result.accepted.first for result in results if result.accepted) == 1
    key = hashlib.sha256(numbered(1)).hexdigest()
    assert {r.accepted.submission.id for r in results if r.accepted} == {
        ids.submission_id("replay", key)
    }
    (again,) = await replay(services.intake, folder / "a.eml", label="second run")
    assert again.accepted is not None
    assert again.accepted.first


async def test_one_bad_file_does_not_stop_the_rest(
    services: LocalServices, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "1.eml").write_bytes(numbered(1))
    (folder / "2.eml").write_bytes(b"")
    (folder / "3.eml").symlink_to("nowhere")
    (folder / "4.eml").write_bytes(numbered(4))
    results = await replay(services.intake, folder, folder / "missing.eml", folder / "3.eml")
    problems = {result.path.name: result.problem for result in results}
    assert problems == {
        "1.eml": "",
        "2.eml": "The file is empty.",
        "4.eml": "",
        "missing.eml": "The file cannot be read: No such file or directory.",
        "3.eml": "The file cannot be read: No such file or directory.",
    }


async def test_an_eml_that_starts_like_an_mbox_is_one_mail(
    services: LocalServices, folder: Path
) -> None:
    (folder / "1.eml").write_bytes(FROM + numbered(1) + b"\n" + FROM + numbered(2))
    (result,) = await replay(services.intake, folder)
    assert result.accepted is not None
    assert result.accepted.submission.text == "Mail 1"


async def test_a_full_disk_is_a_problem_of_each_mail(services: LocalServices, folder: Path) -> None:
    def strike() -> None:
        raise StorageFullError("here")

    (folder / "1.eml").write_bytes(numbered(1))
    (result,) = await replay(faulty_intake(services.intake, Fault(at=1, strike=strike)), folder)
    assert result.problem == "The storage at here is full. Free some space; then send it again."


async def test_a_right_that_we_lack_ends_the_run_at_once(
    services: LocalServices, folder: Path
) -> None:
    fault = AccessRefusedError("blobs", "403", "give us the role")

    def strike() -> None:
        raise fault

    for number in range(20):
        (folder / f"{number}.eml").write_bytes(numbered(number))
    with pytest.raises(AccessRefusedError, match="give us the role"):
        await replay(faulty_intake(services.intake, Fault(at=1, strike=strike)), folder)
    assert await services.queue.depth() < 20


async def test_progress_is_told_in_bytes(services: LocalServices, folder: Path) -> None:
    sizes = [len(numbered(number)) for number in range(20)]
    for number in range(20):
        (folder / f"{number}.eml").write_bytes(numbered(number))
    told: list[int] = []
    run = Replay(intake=services.intake, policy=POLICY)
    results = [r async for r in run.run(mail_files([folder]), on_read=told.append)]
    assert len(results) == 20
    assert sum(told) == sum(sizes)


async def test_a_run_can_be_stopped_in_the_middle(services: LocalServices, folder: Path) -> None:
    for number in range(20):
        (folder / f"{number}.eml").write_bytes(numbered(number))
    results = Replay(intake=services.intake, policy=POLICY).run(mail_files([folder]))
    await anext(results)
    await results.aclose()
    rest = await replay(services.intake, folder)
    assert [r.problem for r in rest] == [""] * 20
    assert await services.queue.depth() == 20


async def test_nobody_is_answered_unless_asked_for(services: LocalServices, folder: Path) -> None:
    (folder / "1.eml").write_bytes(numbered(1))
    (quiet,) = await replay(services.intake, folder)
    assert quiet.accepted is not None
    assert quiet.accepted.submission.answer_to.reason == "replayed"

    run = Replay(intake=services.intake, policy=POLICY, run_label="again", answer=True)
    (answered,) = [result async for result in run.run(mail_files([folder]))]
    assert answered.accepted is not None
    assert answered.accepted.submission.answer_to.target == "kari@example.org"


async def test_old_mail_is_taken_and_not_answered(services: LocalServices, folder: Path) -> None:
    raw = numbered(1).replace(b"Subject:", b"Date: Mon, 14 Mar 2011 09:00:00 +0100\r\nSubject:", 1)
    (folder / "1.eml").write_bytes(raw)
    run = Replay(intake=services.intake, policy=POLICY, answer=True)
    (result,) = [result async for result in run.run(mail_files([folder]))]
    assert result.accepted is not None
    assert len(result.accepted.submission.media) == 1
    assert result.accepted.submission.answer_to.reason == "too_old"


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    services: LocalServices, folder: Path, tmp_path: Path
) -> None:
    (folder / "1.eml").write_bytes(numbered(1))
    await replay(services.intake, folder)
    (folder / "2.eml").write_bytes(numbered(2))
    (folder / "3.eml").write_bytes(b"")
    before = sorted(path for path in (tmp_path / "data").rglob("*") if path.is_file())
    with closing(LocalBlobStore(tmp_path / "scratch")) as scratch:
        run = DryRun(
            scratch=scratch,
            known=services.blobs,
            clock=services.intake.clock,
            policy=POLICY,
            answer=True,
        )
        results = [result async for result in run.run(mail_files([folder]))]
        assert [name async for name in scratch.list("")] == []
    assert [(r.path.name, r.problem) for r in results] == [
        ("1.eml", ""),
        ("2.eml", ""),
        ("3.eml", "The file is empty."),
    ]
    looks = [r.accepted for r in results if r.accepted]
    assert [look.first for look in looks] == [False, True]
    assert len(looks[1].submission.media) == 1
    assert looks[1].submission.answer_to.target == "kari@example.org"
    assert sorted(p for p in (tmp_path / "data").rglob("*") if p.is_file()) == before
    assert await services.queue.depth() == 1


async def test_a_file_that_is_not_a_mail_is_skipped(services: LocalServices, folder: Path) -> None:
    (folder / "README.md").write_bytes(b"# Our mails\n\nFrom: nobody\n")
    (folder / "LICENSE").write_bytes(b"MIT License\n\nCopyright (c) 2026: us\n")
    (folder / "no-header.eml").write_bytes(b"\r\nAn .eml is a mail, whatever it begins with.\r\n")
    (folder / "msg").write_bytes(b"X-Odd: 1\nreceived: by us\n\nhello")
    results = await replay(services.intake, folder, folder / "README.md")
    skipped = {result.path.name: result.problem for result in results if not result.is_mail}
    assert skipped == {"LICENSE": NOT_A_MAIL, "README.md": NOT_A_MAIL}
    assert {r.path.name for r in results if r.accepted} == {"no-header.eml", "msg"}
    assert await services.queue.depth() == 2
