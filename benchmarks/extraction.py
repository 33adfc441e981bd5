"""Extraction against its peers and against the machine: MB/s of raw mail, and memory.

Run it alone: ``python -m benchmarks.extraction [ROUNDS]``. Builds the mails in a temporary folder
(400 MB), measures every contender in a process of its own, round by round so that a disturbance
hits all alike, and prints of each its best time and its largest peak RSS over the baseline.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import astuple, dataclass
from pathlib import Path

from benchmarks.extraction_contenders import CONTENDERS
from benchmarks.extraction_mails import MAILS, write

_ROUNDS = 5
_OURS = "ours"


@dataclass(slots=True)
class Best:
    """The best of the rounds of one contender on one mail."""

    seconds: float = float("inf")
    rss_mb: float = 0.0
    files: int = 0
    refused: bool = False


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS
    say(f"{os.cpu_count()} cores, {_cpu_model()}, Python {sys.version.split()[0]}, {rounds} rounds")
    say(f"| mail | {' | '.join(CONTENDERS)} |")
    say(f"|---|{'---|' * len(CONTENDERS)}")
    ratios: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in MAILS:
            size_mb, results = _measure_mail(name, Path(folder), rounds)
            cells = [_cell(results[each], size_mb) for each in CONTENDERS]
            say(f"| {name} | {' | '.join(cells)} |")
            ratios.append(_ratios(name, results))
    say("\nMB/s of raw mail / peak RSS over baseline. Ratios of ours (of one thread):\n")
    for line in ratios:
        say(line)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _measure_mail(name: str, folder: Path, rounds: int) -> tuple[float, dict[str, Best]]:
    mail, spans = folder / "mail.eml", folder / "spans.json"
    spans.write_text(json.dumps([astuple(span) for span in write(name, mail)]), encoding="ascii")
    mail.read_bytes()  # into the page cache
    results = {each: Best() for each in CONTENDERS}
    for _ in range(rounds):
        for contender, best in results.items():
            if not best.refused:
                _measure(contender, mail, spans, best)
    expected = results["floor"].files
    wrong = [each for each, best in results.items() if best.files != expected and not best.refused]
    if wrong:
        say(f"  (other than {expected} files: {', '.join(wrong)})")
    return mail.stat().st_size / 1e6, results


def _measure(contender: str, mail: Path, spans: Path, best: Best) -> None:
    outdir = mail.parent / "out"
    shutil.rmtree(outdir, ignore_errors=True)
    outdir.mkdir()
    arguments = [contender, str(mail), str(spans), str(outdir)]
    done = subprocess.run(  # our own module
        [sys.executable, "-m", "benchmarks.extraction_contenders", *arguments],
        capture_output=True,
        check=True,
    )
    said = json.loads(done.stdout)
    best.refused = "refused" in said
    if not best.refused:
        best.seconds = min(best.seconds, said["seconds"])
        best.rss_mb = max(best.rss_mb, said["rss_mb"])
        best.files = said["files"]


def _cell(best: Best, size_mb: float) -> str:
    if best.refused:
        return "refuses"
    return f"{size_mb / best.seconds:,.0f} / {best.rss_mb:.1f} M"


def _ratios(name: str, results: dict[str, Best]) -> str:
    ours, single = results[_OURS].seconds, results["ours, one thread"].seconds
    parts = [
        f"{best.seconds / ours:.2f} x ({best.seconds / single:.2f}) {contender}"
        for contender, best in results.items()
        if not contender.startswith("ours") and not best.refused
    ]
    return f"- {name}: {', '.join(parts)}"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown CPU"


if __name__ == "__main__":
    main()
