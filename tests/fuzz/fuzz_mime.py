"""Coverage-guided fuzzing of the MIME reader: nothing makes it fail, and no cut changes a thing.

``python -m tests.fuzz.fuzz_mime -max_total_time=60`` takes libFuzzer's options. It starts from
tests/fuzz/corpus and tests/fixtures/mime; what it finds on the way is not kept.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mail_ingest.mime"]):  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
    from mail_ingest.mime.limits import Limits
    from tests.support.mime_reading import read

SEEDS = (Path(__file__).parent / "corpus", Path(__file__).parents[1] / "fixtures" / "mime")
LIMITS = Limits(parts=200, depth=8, container_bytes=1 << 20)


def check_message(data: bytes) -> None:
    """The first byte is the size of the chunks, the rest the message."""
    chunk, raw = (data[0] or 1) if data else 1, data[1:]
    if read(raw, chunk, LIMITS).story != read(raw, len(raw) or 1, LIMITS).story:
        raise AssertionError(f"chunks of {chunk} bytes change what is read")


def main() -> None:
    """Fuzz until libFuzzer's limits are reached or something fails."""
    with tempfile.TemporaryDirectory() as found:
        atheris.Setup([*sys.argv, "-max_len=8192", found, *map(str, SEEDS)], check_message)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
