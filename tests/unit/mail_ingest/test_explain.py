"""The tree of a mail says of each part what was done to it and why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mail_ingest.collect import MediaCollector, MediaLimits
from mail_ingest.content import ContentSorter
from mail_ingest.explain import FATE_SENTENCES, Fate, explain, render_explanation
from mail_ingest.extract import events_of
from mail_ingest.mime.limits import Limits
from shared.model import LEFT_OUT_SENTENCES, Kind, LeftOutReason
from tests.support.images import image_bytes
from tests.support.local_services import local_blob_store
from tests.support.mail_builder import media
from tests.support.mime_cases import ALL, TEXT, TNEF, header, mail, mixed, named, photo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mail_ingest.explain import Node
    from shared.ports import BlobStore
    from tests.support.mime_cases import Case

type _Verdict = tuple[int, LeftOutReason | None]  # a file's size; why it is left out, if it is

FIXTURES = Path(__file__).parents[2] / "fixtures"


def rendered(folder: Path, raw: bytes, limits: Limits | None = None) -> list[str]:
    path = folder / "mail.eml"
    path.write_bytes(raw)
    return render_explanation(explain(path, limits or Limits())).splitlines()


def test_the_tree_shows_what_lies_in_what(tmp_path: Path) -> None:
    nested = header("Content-Type: message/rfc822") + mail(mixed(photo(), boundary="in"))
    lines = rendered(tmp_path, mail(mixed(TEXT, nested)))
    assert [line.lstrip("│├└─ ").split("  ")[0] for line in lines] == [
        "TEXT",
        "1",
        "2",
        "2.TEXT",
        "2.1",
    ]
    assert lines[1].startswith("├─ 1  text/plain")
    assert lines[3].startswith("   └─ 2.TEXT")


def test_a_photo_is_told_by_its_content_and_taken_for_its_name(tmp_path: Path) -> None:
    content = media("small/moon.jpg")
    line = rendered(tmp_path, mail(mixed(photo(content=content))))[-1]
    assert f'1  image/jpeg  "a.jpg"  {len(content):,} bytes' in line
    assert "Taken: it has a file name. A photo. (image/jpeg)" in line


def test_a_damaged_photo_is_told_as_unreadable(tmp_path: Path) -> None:
    assert "could not be read" in rendered(tmp_path, mail(mixed(photo(content=b"\1\2\3 no"))))[-1]


def test_a_winmail_dat_is_opened(tmp_path: Path) -> None:
    part = named(content=TNEF, media_type="application/ms-tnef")
    lines = rendered(tmp_path, mail(mixed(part)))
    assert "Opened: what it holds follows." in lines[1]
    assert '"a.jpg"' in lines[2]


def test_a_defect_stands_below_its_part_with_its_clause(tmp_path: Path) -> None:
    lines = rendered(tmp_path, mail(mixed(photo().replace(b"\r\n\r\n", b"\r\n"))))
    assert lines[-1].strip().startswith("! No blank line")
    assert lines[-1].endswith("(RFC 5322 2.1)")


def test_a_limit_is_told(tmp_path: Path) -> None:
    lines = rendered(tmp_path, mail(mixed(photo(), photo())), Limits(parts=2))
    assert any("limit parts" in line for line in lines)


def test_hostile_names_stay_on_their_line(tmp_path: Path) -> None:
    raw = mail(mixed(photo("attachment; filename*=utf-8''a%0A%1B%5B31mb.jpg")))
    lines = rendered(tmp_path, raw)
    assert len(lines) == 2
    assert "\x1b" not in lines[1]


def test_every_fate_has_a_sentence() -> None:
    assert set(FATE_SENTENCES) == set(Fate)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_every_odd_message_can_be_explained(tmp_path: Path, case: Case) -> None:
    assert rendered(tmp_path, case.raw)


def test_a_tracking_pixel_is_left_out_as_one(tmp_path: Path) -> None:
    line = rendered(tmp_path, mail(mixed(photo(content=image_bytes("PNG", (1, 1))))))[-1]
    assert LEFT_OUT_SENTENCES[LeftOutReason.TRACKING_PIXEL] in line
    assert "A photo." not in line


@pytest.mark.parametrize(
    "file", sorted(FIXTURES.rglob("*.eml")), ids=lambda file: f"{file.parent.name}-{file.stem}"
)
async def test_the_intake_judges_every_file_the_same(file: Path, tmp_path: Path) -> None:
    explained = Counter(_explained(explain(file, Limits()).root))
    with local_blob_store(tmp_path) as blobs:
        judged = Counter(await _judged(file, blobs))
    assert not explained - judged


def _explained(node: Node) -> Iterator[_Verdict]:
    if node.news is not None:
        reason = None if isinstance(node.news, Kind) else node.news
        yield node.size, reason
    for child in node.children:
        yield from _explained(child)


async def _judged(file: Path, blobs: BlobStore) -> list[_Verdict]:
    """What the intake makes of a mail's files; without its HTML, none is a signature logo."""
    limits = MediaLimits(max_media=1000, max_media_bytes=1 << 40)
    collector = MediaCollector(blobs, "submissions/mail-x/", limits)
    sorter = ContentSorter(collector)
    with file.open("rb", buffering=0) as raw:
        for events in events_of(raw, Limits()):
            await sorter.take(events)
    await collector.settle()
    taken: list[_Verdict] = [(item.size, None) for item in collector.media]
    # That it is there twice takes the whole mail to tell: by itself it would be taken.
    return taken + [
        (out.size, None if out.reason is LeftOutReason.DUPLICATE else out.reason)
        for out in collector.left_out
    ]
