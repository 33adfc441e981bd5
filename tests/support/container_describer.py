"""The describer's image as a program, with the tests' describer inside (fake_describer.py)."""

from __future__ import annotations

import os
import sys

from describer.container import run_container
from describer.logs import log_to_stderr

COMMAND = (sys.executable, "-m", "tests.support.container_describer")
WORKER = (sys.executable, "-m", "tests.support.fake_describer")

if __name__ == "__main__":
    log_to_stderr()
    sys.exit(run_container(os.environ, WORKER))
