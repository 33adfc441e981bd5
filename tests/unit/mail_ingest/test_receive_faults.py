"""Reception under a full disk, a killed process, and the largest of mails."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mail_ingest.receive import ReceivePolicy, receive
from shared.errors import StorageFullError
from shared.ids import blob_prefix
from shared.intake import record_name
from tests.support.faulty_intake import DIED, Fault, die_while_taking, faulty_intake
from tests.support.forks import fork
from tests.support.images import noisy_image_bytes
from tests.support.local_services import LocalServices, local_services
from tests.support.mails import chunks, html, mail, origin, photo, text

if TYPE_CHECKING:
    from shared.intake import Accepted, Intake

PROJECT = Path(__file__).parents[3]
RAW = mail(
    text("Hi"),
    photo(noisy_image_bytes("PNG", (60, 40)), "held.png", content_id="a@x"),
    photo(noisy_image_bytes("PNG", (320, 200)), "1.png"),
    photo(noisy_image_bytes("PNG", (330, 200)), "2.png"),
    html("<p>Hi"),
)
STEPS = 22  # before each a fault can strike
SLACK_BYTES = 32 << 20


async def take(intake: Intake) -> Accepted:
    return await receive(chunks(RAW), origin=origin(), intake=intake, policy=ReceivePolicy())


async def assert_taken_once(services: LocalServices, accepted: Accepted) -> None:
    submission = accepted.submission
    assert [m.number for m in submission.media] == [1, 2, 3]
    assert submission.original is not None
    blobs = {m.blob: m.sha256 for m in submission.media}
    blobs[submission.original.blob] = submission.original.sha256
    names = {name async for name in services.blobs.list("")}
    assert names == set(blobs) | {record_name(submission.id)}
    for name, sha256 in blobs.items():
        assert hashlib.sha256(await services.blobs.get(name)).hexdigest() == sha256
    assert await services.queue.depth() == 1
    assert await services.index.get(submission.id) is not None


async def test_the_steps_are_counted_right(tmp_path: Path) -> None:
    with local_services(tmp_path) as services:
        fault = Fault(at=0, strike=pytest.fail)
        await assert_taken_once(services, await take(faulty_intake(services.intake, fault)))
        assert fault.steps == STEPS


@pytest.mark.parametrize("step", range(1, STEPS + 1))
async def test_a_full_disk_leaves_all_or_nothing(tmp_path: Path, step: int) -> None:
    def strike() -> None:
        raise StorageFullError("here")

    with local_services(tmp_path) as services:
        with pytest.raises(StorageFullError):
            await take(faulty_intake(services.intake, Fault(at=step, strike=strike)))
        submission_id = origin().submission_id
        visible = [name async for name in services.blobs.list(blob_prefix(submission_id))]
        if record_name(submission_id) not in visible:
            assert visible == []
        await assert_taken_once(services, await take(services.intake))


@pytest.mark.parametrize("step", range(1, STEPS + 1))
async def test_a_killed_reception_is_made_good_by_the_next(tmp_path: Path, step: int) -> None:
    process = fork(die_while_taking, tmp_path, RAW, step)
    await asyncio.to_thread(process.join, 60)
    assert process.exitcode == DIED
    with local_services(tmp_path) as services:
        await assert_taken_once(services, await take(services.intake))


LARGE_MAIL = """
import asyncio, base64, resource, sys
from pathlib import Path
from mail_ingest.receive import ReceivePolicy, receive
from tests.support.local_services import local_services
from tests.support.mails import HEADER, chunks, mail, origin, photo, text

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

async def large(size):
    first = b"\\0\\0\\0\\x18ftypisom\\0\\0\\2\\0isommp42" + bytes(range(256)) * 223 + b"\\0" * 11
    line = base64.encodebytes(first).replace(b"\\n", b"\\r\\n")
    yield HEADER + b"Content-Type: video/mp4; name=large.mp4\\r\\n"
    yield b"Content-Transfer-Encoding: base64\\r\\n\\r\\n"
    for _ in range(size // len(line)):
        yield line

async def main(folder, size):
    with local_services(Path(folder)) as services:
        take = lambda raw, key: receive(
            raw, origin=origin(key), intake=services.intake, policy=ReceivePolicy()
        )
        await take(chunks(mail(text("Hi"), photo(b"\\xff\\xd8\\xff" + b"x" * 300_000))), "small")
        before = peak()
        accepted = await take(large(size), "large")
        (item,) = accepted.submission.media
        assert item.size > size * 0.7, item
        print(peak() - before)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def test_a_mail_of_150_mb_is_taken_in_flat_memory(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603  # our own interpreter and program
        [sys.executable, "-c", LARGE_MAIL, str(tmp_path), str(150 << 20)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= SLACK_BYTES
