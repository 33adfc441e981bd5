"""The full job, once per contender: read, split, decode, SHA-256, sniff the type, write files.

Run by `benchmarks.extraction` in a process of its own for each measurement:
``python -m benchmarks.extraction_contenders CONTENDER MAIL SPANS OUTDIR`` prints as JSON how long
it took, the peak RSS over the baseline, and how many files came out.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
import gc
import hashlib
import importlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

from pybase64 import b64decode

from mail_ingest.extract import CHUNK_BYTES, Folder, events_of, extract_into, is_file
from mail_ingest.mime.events import PartData
from mail_ingest.mime.limits import Limits
from mail_ingest.sniff import HEAD_BYTES, sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mail_ingest.extract import ExtractedPart
    from mail_ingest.mime.events import Event, Part

_LINES_BYTES = CHUNK_BYTES // 78 * 78  # whole base64 lines


class SniffingFolder(Folder):
    """Also reads the true type of every file from its first bytes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._sniffed: Part | None = None

    @override
    def take(self, events: Iterable[Event]) -> list[ExtractedPart]:
        events = list(events)
        for event in events:
            if isinstance(event, PartData) and event.part is not self._sniffed:
                self._sniffed = event.part
                if is_file(event.part):  # as the others do: not the text of the mail
                    sniff(event.data[:HEAD_BYTES])
        return super().take(events)


def ours(mail: Path, outdir: Path, _: Path) -> Iterator[int]:
    """`mail_ingest.extract` as the command runs it, with the true types besides."""
    for part in extract_into(SniffingFolder(outdir), mail, Limits()):
        yield part.size


def ours_one_thread(mail: Path, outdir: Path, _: Path) -> Iterator[int]:
    """The same in one thread."""
    folder = SniffingFolder(outdir)
    with mail.open("rb", buffering=0) as raw:
        for events in events_of(raw, Limits()):
            yield from (part.size for part in folder.take(events))


def floor(mail: Path, outdir: Path, spans: Path) -> Iterator[int]:
    """The bare chain of the stages without any parsing: it is told where the files lie."""
    with mail.open("rb", buffering=0) as raw:
        for number, (start, size, encoding) in enumerate(json.loads(spans.read_text())):
            raw.seek(start)
            digest, written = hashlib.sha256(), 0
            with (outdir / f"{number:04}").open("wb") as out:
                while size > 0 and (chunk := raw.read(min(size, _LINES_BYTES))):
                    size -= len(chunk)
                    data = _decode(chunk, encoding)
                    if not written:
                        sniff(data[:HEAD_BYTES])
                    digest.update(data)
                    written += out.write(data)
            yield written


def _decode(chunk: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return b64decode(chunk)
    return binascii.a2b_qp(chunk) if encoding == "quoted-printable" else chunk


def standard_library(mail: Path, outdir: Path, _: Path) -> Iterator[int]:
    """email, with its modern policy."""
    message = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
    for number, part in enumerate(p for p in message.walk() if p.get_filename()):
        payload: Any = part.get_payload(decode=True)
        if payload is not None:
            yield _keep(payload, outdir / f"{number:04}")


def mail_parser(mail: Path, outdir: Path, _: Path) -> Iterator[int]:
    """mail-parser."""
    parsed: Any = importlib.import_module("mailparser").parse_from_bytes(mail.read_bytes())
    for number, each in enumerate(parsed.attachments):
        payload: str = each["payload"]
        content = (
            base64.b64decode(payload) if each["binary"] else payload.encode("utf-8", "replace")
        )
        yield _keep(content, outdir / f"{number:04}")


def fast_mail_parser(mail: Path, outdir: Path, _: Path) -> Iterator[int]:
    """fast-mail-parser (Rust)."""
    parsed: Any = importlib.import_module("fast_mail_parser").parse_email(mail.read_bytes())
    for number, each in enumerate(parsed.attachments):
        yield _keep(bytes(each.content), outdir / f"{number:04}")


def _keep(content: bytes, path: Path) -> int:
    sniff(content[:HEAD_BYTES])
    hashlib.sha256(content).hexdigest()
    return path.write_bytes(content)


CONTENDERS: dict[str, Callable[[Path, Path, Path], Iterator[int]]] = {
    "floor": floor,
    "ours": ours,
    "ours, one thread": ours_one_thread,
    "fast-mail-parser": fast_mail_parser,
    "mail-parser": mail_parser,
    "standard library": standard_library,
}


def _status_kb(field: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.partition(f"{field}:")[2].split(None, 1)[0])


def main() -> None:
    """Do the job once, and say what it took."""
    contender, mail, spans, outdir = sys.argv[1], *map(Path, sys.argv[2:5])
    sniff(b"\xff\xd8\xff")  # libmagic loads its database once per process
    for module in ("fast_mail_parser", "mailparser"):
        if module.replace("_", "").startswith(contender.replace("-", "")[:8]):
            importlib.import_module(module)
    job = CONTENDERS[contender]
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts from here
    before = _status_kb("VmRSS")
    started, used = time.perf_counter(), time.process_time()
    try:
        sizes = list(job(mail, outdir, spans))
    except Exception as exc:  # noqa: BLE001  # a peer that refuses a mail is a result
        sys.stdout.write(json.dumps({"refused": f"{type(exc).__name__}: {exc}"[:80]}))
        return
    seconds, used = time.perf_counter() - started, time.process_time() - used
    peak_mb = (_status_kb("VmHWM") - before) / 1024
    result = {"seconds": seconds, "cpu": used, "rss_mb": peak_mb, "files": len(sizes)}
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
