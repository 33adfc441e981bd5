"""Coverage-guided fuzzing of what reads mails: nothing makes it fail, no cut changes a thing, and
every name that comes out can be shown, stored and sent.

``python -m tests.fuzz.fuzz_mime -max_total_time=60`` takes libFuzzer's options. It starts from
tests/fuzz/corpus and tests/fixtures/mime; what it finds on the way is not kept.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

READ_BY_IT = [
    "mail_ingest.addresses",
    "mail_ingest.authentication",
    "mail_ingest.file_names",
    "mail_ingest.message",
    "mail_ingest.mime",
    "mail_ingest.skeleton",
]

with atheris.instrument_imports(include=READ_BY_IT):  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
    from mail_ingest.file_names import safe_name, shown_name, stored_name
    from mail_ingest.message import read_message
    from mail_ingest.mime.limits import Limits
    from shared.codec import to_json
    from tests.support.mime_reading import read

SEEDS = (Path(__file__).parent / "corpus", Path(__file__).parents[1] / "fixtures" / "mime")
LIMITS = Limits(parts=200, depth=8, container_bytes=1 << 20)
UNSAFE = frozenset('<>:"|?*/\\') | {chr(code) for code in (*range(0x20), 0x7F)}


def check_message(data: bytes) -> None:
    """The first byte is the size of the chunks, the rest the message."""
    chunk, raw = (data[0] or 1) if data else 1, data[1:]
    reading = read(raw, chunk, LIMITS)
    if reading.story != read(raw, len(raw) or 1, LIMITS).story:
        raise AssertionError(f"chunks of {chunk} bytes change what is read")
    for each in reading.parts:
        check_names(each.part.file_name, each.part.media_type)
    to_json(read_message(reading.parts[0].part.header, authserv_id="mx.example"))


def check_names(file_name: str, media_type: str) -> None:
    """Whatever a mail calls a file, its names can be shown, stored and sent."""
    for name in (safe_name(file_name, media_type), stored_name(file_name, "image/jpeg")):
        if not name or UNSAFE & set(name):
            raise AssertionError(f"a file cannot be called {name!r}")
    for text in (file_name, shown_name(file_name), media_type):
        text.encode("utf-8")


def main() -> None:
    """Fuzz until libFuzzer's limits are reached or something fails."""
    with tempfile.TemporaryDirectory() as found:
        atheris.Setup([*sys.argv, "-max_len=8192", found, *map(str, SEEDS)], check_message)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
