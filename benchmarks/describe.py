"""How long a description takes and what it costs: CPU of one thread, start, memory.

Run it alone: ``python -m benchmarks.describe``. The pictures are made from the fixtures, so the
numbers need no other files. The targets are those of a small server core of 2024.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from describer.describe import Describer
from describer.media import Source
from describer.protocol import Request
from describer.request_lines import send_request
from describer.settings import Settings
from shared.codec import to_json
from shared.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

_MEDIA = Path(__file__).parents[1] / "tests" / "fixtures" / "media"
_TIMES = 7


def main() -> None:
    """Measure and print."""
    table = Table("what", "CPU ms", "wall ms", "aim CPU ms")
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        describer = Describer.load(Settings())
        loaded = time.perf_counter() - started
        for name, path, kind, aim in _cases(Path(folder)):
            source = Source(path=path, kind=kind, media_type="")
            cpu, wall = _measure(lambda source=source: describer.describe(source))
            table.add_row(name, f"{cpu:.0f}", f"{wall:.0f}", aim)
        start, confined, rss = _worker(Path(folder) / "12mp.jpg")
    console = Console()
    console.print(table)
    console.print(f"models loaded in {loaded:.2f} s")
    console.print(f"worker from start to ready in {start:.2f} s (aim 0.5-0.7)")
    console.print(f"the 12 megapixels in the confined worker: {confined:.0f} ms")
    console.print(f"worker's peak RSS with the 12 megapixels {rss:.0f} MB (aim 343)")


def _cases(folder: Path) -> list[tuple[str, Path, Kind, str]]:
    large, small = folder / "12mp.jpg", folder / "640.jpg"
    coffee = Image.open(_MEDIA / "coffee.jpg").convert("RGB")
    coffee.resize((640, 427)).save(small, quality=85)
    pixels = np.asarray(coffee.resize((4032, 3024)), dtype=np.int16)
    grain = np.random.default_rng(0).normal(0, 4, pixels.shape).astype(np.int16)
    Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8)).save(large, quality=90)
    return [
        ("photo, JPEG of 12 megapixels", large, Kind.PHOTO, "195"),
        ("photo, JPEG of 640 pixels", small, Kind.PHOTO, "92"),
        ("photo, small HEIC", _MEDIA / "cat_exif_gps.heic", Kind.PHOTO, ""),
        ("video, 6 s of 320x240", _MEDIA / "scenes3.mp4", Kind.VIDEO, ""),
    ]


def _measure(run: Callable[[], object]) -> tuple[float, float]:
    """The medians of CPU and wall time, in milliseconds, after one run to warm up."""
    run()
    cpu: list[float] = []
    wall: list[float] = []
    for _ in range(_TIMES):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        run()
        cpu.append((time.process_time() - cpu_start) * 1000)
        wall.append((time.perf_counter() - wall_start) * 1000)
    return statistics.median(cpu), statistics.median(wall)


def _worker(photo: Path) -> tuple[float, float, float]:
    """Seconds until a fresh worker is ready, the milliseconds that it, confined, takes for a photo,
    and its peak RSS in MB.
    """
    request = Request(job_id="a:1", path=str(photo), kind=Kind.PHOTO, media_type="image/jpeg")
    requests, theirs = socket.socketpair()
    started = time.perf_counter()
    with (
        photo.open("rb") as media,
        subprocess.Popen(
            [sys.executable, "-m", "describer", "--worker"],
            stdin=theirs.fileno(),
            stdout=subprocess.PIPE,
        ) as worker,
    ):
        theirs.close()
        responses = cast("IO[bytes]", worker.stdout)
        responses.readline()
        ready = time.perf_counter() - started
        wall: list[float] = []
        for _ in range(_TIMES):
            begun = time.perf_counter()
            send_request(requests, to_json(request) + b"\n", media.fileno())
            responses.readline()
            wall.append((time.perf_counter() - begun) * 1000)
        peak = _peak_rss_mb(worker.pid)
        requests.close()
    return ready, statistics.median(wall), peak


def _peak_rss_mb(pid: int) -> float:
    """As Linux counts it; getrusage would count our own memory, which a fork shares."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
