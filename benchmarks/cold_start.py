"""How long the Functions app takes from the start of its process to its first HTTP answer.

Run it alone: ``python -m benchmarks.cold_start``. The process is the real worker library with
function_app.py and the ports of Azure, which nothing calls yet; the interpreter's own start counts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.azure_app import PROJECT, SETTINGS, look

_TIMES = 7
_SHOWN = 12
_AIM_S, _AIM_MB = 1.0, 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of the app, to its first answer."""

    seconds: float
    cpu: float
    megabytes: float


def main() -> None:
    """Measure and print."""
    runs = [_start() for _ in range(_TIMES)]
    seconds = min(run.seconds for run in runs)
    megabytes = max(run.megabytes for run in runs)
    console = Console()
    console.print(f"start to first answer {seconds:.2f} s at best of {_TIMES} (aim {_AIM_S:g} s)")
    console.print(f"of it CPU {min(run.cpu for run in runs):.2f} s")
    console.print(f"resident memory {megabytes:.0f} MB (aim {_AIM_MB} MB)")
    console.print(f"load of the machine {os.getloadavg()[0]:.1f}; what takes longest to import:")
    for name, milliseconds in _slowest():
        console.print(f"  {milliseconds:6.0f} ms  {name}")


def _start() -> Start:
    began = time.time()
    seen = look()
    return Start(seconds=seen["at"] - began, cpu=seen["cpu"], megabytes=seen["megabytes"])


def _slowest() -> list[tuple[str, float]]:
    """Packages, by what their own modules take."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tests.support.azure_app"],
        cwd=PROJECT,
        env=os.environ | SETTINGS,
        capture_output=True,
        text=True,
        check=True,
    )
    took: dict[str, float] = {}
    for own, module in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", run.stderr):
        depth = 2 if module.startswith("azure.") else 1
        package = ".".join(module.split(".")[:depth])
        took[package] = took.get(package, 0.0) + int(own) / 1000
    return sorted(took.items(), key=lambda item: -item[1])[:_SHOWN]


if __name__ == "__main__":
    main()
