"""One raw message end to end, over the local adapters."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import pytest

from mail_ingest.collect import MediaLimits
from mail_ingest.mime.limits import Limits
from mail_ingest.receive import MailOrigin, ReceivePolicy, receive
from shared.errors import TooLargeError
from shared.intake import record_name
from shared.model import Channel, LeftOutReason
from shared.ports import SubmissionState
from tests.support.images import image_bytes, noisy_image_bytes
from tests.support.local_services import LocalServices, local_services
from tests.support.mails import (
    HEADER,
    MailPart,
    chunks,
    hanging_up,
    html,
    mail,
    origin,
    photo,
    text,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from shared.intake import Accepted
    from shared.model import Submission

PHOTO = noisy_image_bytes("PNG", (320, 200))
OTHER_PHOTO = noisy_image_bytes("PNG", (330, 200))
LOGO = image_bytes("PNG", (120, 40))
POLICY = ReceivePolicy()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[LocalServices]:
    with local_services(tmp_path) as opened:
        yield opened


async def take(
    services: LocalServices,
    raw: bytes,
    key: str = "k1",
    *,
    size: int = 65_536,
    policy: ReceivePolicy = POLICY,
) -> Accepted:
    return await receive(
        chunks(raw, size), origin=origin(key), intake=services.intake, policy=policy
    )


async def blob_names(services: LocalServices) -> list[str]:
    return [name async for name in services.blobs.list("")]


async def assert_whole(services: LocalServices, submission: Submission) -> None:
    """Everything that the record names is there and is what it says; nothing else is there."""
    original = submission.original
    assert original is not None
    expected = {record_name(submission.id), original.blob} | {m.blob for m in submission.media}
    assert set(await blob_names(services)) == expected
    for ref in (original, *submission.media):
        content = await services.blobs.get(ref.blob)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (ref.size, ref.sha256)


async def test_a_mail_becomes_a_submission(services: LocalServices) -> None:
    raw = mail(
        text("There is a fire at the harbour."),
        html("<p>There is a fire <img src='cid:logo@x'>"),
        photo(LOGO, "logo.png", content_id="logo@x"),
        photo(PHOTO, "fire.jpg"),
        MailPart(media_type="application/pdf", content=b"%PDF-1.7\n", file_name="a.pdf"),
    )
    accepted = await take(services, raw)
    submission = accepted.submission
    assert accepted.first
    assert submission.subject == "Fire"
    assert submission.text.startswith("There is a fire at the harbour.")
    assert submission.submitter.address == "kari@example.org"
    assert (submission.answer_to.channel, submission.answer_to.target) == (
        Channel.MAIL,
        "kari@example.org",
    )
    assert [(m.number, m.file_name, m.media_type) for m in submission.media] == [
        (1, "fire.jpg", "image/png")
    ]
    assert [line.reason for line in submission.left_out] == [
        LeftOutReason.SIGNATURE_LOGO,
        LeftOutReason.UNSUPPORTED_TYPE,
    ]
    assert submission.original is not None
    assert await services.blobs.get(submission.original.blob) == raw
    await assert_whole(services, submission)
    assert await services.queue.depth() == 1
    entry = await services.index.get(submission.id)
    assert entry is not None
    assert (entry.state, entry.media) == (SubmissionState.ACCEPTED, 1)


@pytest.mark.parametrize("html_first", [True, False])
async def test_a_logo_is_one_whether_the_html_comes_before_or_after_it(
    services: LocalServices, *, html_first: bool
) -> None:
    parts = [html("<img src='cid:a@x'>"), photo(LOGO, content_id="a@x"), photo(PHOTO)]
    if not html_first:
        parts.reverse()
    submission = (await take(services, mail(*parts))).submission
    assert [m.number for m in submission.media] == [1]
    assert [line.reason for line in submission.left_out] == [LeftOutReason.SIGNATURE_LOGO]
    await assert_whole(services, submission)


async def test_the_record_does_not_depend_on_the_pieces(services: LocalServices) -> None:
    raw = mail(text("Hi"), photo(PHOTO), photo(LOGO, content_id="a@x"), html("<p>cid:a@x"))
    records = [
        (await take(services, raw, f"k{size}", size=size)).submission for size in (1, 7, 4096)
    ]
    assert len({(r.text, r.left_out, tuple(m.sha256 for m in r.media)) for r in records}) == 1


async def test_the_same_origin_again_gives_the_first_record(services: LocalServices) -> None:
    raw = mail(text("Hi"), photo(PHOTO))
    first = await take(services, raw)
    drained: list[int] = []

    async def other_mail() -> AsyncIterator[bytes]:
        async for piece in chunks(mail(photo(OTHER_PHOTO)), 1000):
            drained.append(len(piece))
            yield piece

    again = await receive(other_mail(), origin=origin(), intake=services.intake, policy=POLICY)
    assert not again.first
    assert again.submission == first.submission
    assert sum(drained) == len(mail(photo(OTHER_PHOTO)))
    assert await services.queue.depth() == 1
    await assert_whole(services, first.submission)


async def test_two_senders_with_one_message_id_in_one_second_make_two_submissions(
    services: LocalServices,
) -> None:
    first = mail(photo(PHOTO))
    second = first.replace(b"From: ", b"From: other@example.net\r\nX-From: ", 1)
    where = MailOrigin(source="mail", key="box|<1@x>|t", received_at="2026-11-24T12:00:00Z")

    async def take_in(raw: bytes) -> Accepted:
        pieces = chunks(raw, 50)
        return await receive(pieces, origin=where, intake=services.intake, policy=POLICY)

    accepted = [await take_in(raw) for raw in (first, second, first, second)]
    assert [each.first for each in accepted] == [True, True, False, False]
    ids = [each.submission.id for each in accepted]
    assert ids[:2] == ids[2:]
    assert ids[0] == where.submission_id != ids[1]
    assert accepted[1].submission.submitter.address == "other@example.net"
    await assert_whole_mail(services, accepted[1].submission, second)


async def assert_whole_mail(services: LocalServices, submission: Submission, raw: bytes) -> None:
    assert submission.original is not None
    assert await services.blobs.get(submission.original.blob) == raw


async def test_the_same_mail_twice_at_once_is_taken_once(services: LocalServices) -> None:
    raw = mail(text("Hi"), photo(PHOTO))
    both = await asyncio.gather(*(take(services, raw, size=500) for _ in range(5)))
    assert sum(accepted.first for accepted in both) == 1
    await assert_whole(services, both[0].submission)


@pytest.mark.parametrize("after", [0, 10, 300, 30_000, 200_000])
async def test_a_sender_who_hangs_up_leaves_nothing_behind(
    services: LocalServices, after: int
) -> None:
    raw = mail(text("Hi"), photo(PHOTO, "1.png"), photo(OTHER_PHOTO, "2.png"))
    with pytest.raises(ConnectionResetError):
        await receive(
            hanging_up(raw, after), origin=origin(), intake=services.intake, policy=POLICY
        )
    assert await blob_names(services) == []
    assert await services.queue.depth() == 0
    await assert_whole(services, (await take(services, raw)).submission)


async def test_a_cancelled_reception_leaves_nothing_behind(services: LocalServices) -> None:
    reached = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield mail(photo(PHOTO), photo(OTHER_PHOTO, "2.png"))[:-1000]
        yield b"\r\n" * 140_000
        reached.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(
        receive(stuck(), origin=origin(), intake=services.intake, policy=POLICY)
    )
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await blob_names(services) == []


async def test_a_message_over_the_limit_leaves_nothing_behind(services: LocalServices) -> None:
    raw = mail(photo(PHOTO))
    policy = ReceivePolicy(max_message_bytes=len(raw) - 1)
    with pytest.raises(TooLargeError) as caught:
        await take(services, raw, policy=policy)
    assert caught.value.limit_bytes == len(raw) - 1
    assert await blob_names(services) == []
    assert (await take(services, raw, policy=ReceivePolicy(max_message_bytes=len(raw)))).first


async def test_beyond_a_limit_of_the_reader_what_came_before_is_kept(
    services: LocalServices,
) -> None:
    raw = mail(photo(PHOTO, "1.png"), photo(OTHER_PHOTO, "2.png"), photo(LOGO, "3.png"))
    policy = ReceivePolicy(limits=Limits(parts=3))
    submission = (await take(services, raw, policy=policy)).submission
    assert [m.file_name for m in submission.media] == ["1.png", "2.png"]
    assert any(defect.clause == "limit parts" for defect in submission.defects)
    await assert_whole(services, submission)


async def test_a_part_over_a_limit_is_left_out_and_the_rest_goes_on(
    services: LocalServices,
) -> None:
    raw = mail(photo(PHOTO + OTHER_PHOTO, "large.png"), photo(PHOTO, "1.png"), photo(LOGO))
    limits = MediaLimits(max_media=1, max_media_bytes=len(PHOTO))
    submission = (await take(services, raw, policy=ReceivePolicy(media=limits))).submission
    assert [m.file_name for m in submission.media] == ["1.png"]
    assert [line.reason for line in submission.left_out] == [
        LeftOutReason.TOO_LARGE,
        LeftOutReason.TOO_MANY,
    ]
    await assert_whole(services, submission)


async def test_five_hundred_attachments_are_taken(services: LocalServices) -> None:
    parts = [photo(LOGO + number.to_bytes(2), f"{number}.png") for number in range(500)]
    submission = (await take(services, mail(*parts))).submission
    assert [m.number for m in submission.media] == list(range(1, 501))
    assert submission.left_out == ()


async def test_a_robots_mail_is_taken_and_not_answered(services: LocalServices) -> None:
    header = HEADER + b"Auto-Submitted: auto-generated\r\n"
    with_media = await take(services, mail(photo(PHOTO), header=header), "k1")
    without = await take(services, mail(text("Out of office"), header=header), "k2")
    for submission in (with_media.submission, without.submission):
        assert submission.answer_to.channel is Channel.NONE
        assert submission.answer_to.reason == "auto_submitted"
    assert len(with_media.submission.media) == 1


async def test_the_envelope_is_answered(services: LocalServices) -> None:
    accepted = await receive(
        chunks(mail(text("Hi"))),
        origin=origin(envelope_sender="envelope@example.org"),
        intake=services.intake,
        policy=POLICY,
    )
    assert accepted.submission.answer_to.target == "envelope@example.org"
    assert accepted.submission.submitter.address == "kari@example.org"


async def test_a_photo_that_calls_itself_text_is_a_photo(services: LocalServices) -> None:
    raw = mail(MailPart(media_type="text/plain", content=PHOTO), text("Hi"))
    submission = (await take(services, raw)).submission
    assert [m.media_type for m in submission.media] == ["image/png"]
    assert submission.text == "Hi"


@pytest.mark.parametrize("raw", [b"", b"\r\n\r\n", b"no header at all", b"\0" * 300_000])
async def test_what_is_hardly_a_mail_is_kept_all_the_same(
    services: LocalServices, raw: bytes
) -> None:
    submission = (await take(services, raw)).submission
    assert submission.media == ()
    assert submission.answer_to.channel is Channel.NONE
    assert submission.original is not None
    assert await services.blobs.get(submission.original.blob) == raw
