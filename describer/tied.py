"""Becomes another program that dies with its parent: ``tied.py <parent's process ID> program ...``.

A describer that is in the middle of a video would otherwise outlive a killed server by minutes.
It runs by path, without site packages, and so costs some 10 ms.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2); kept by execve


def main(arguments: list[str]) -> None:
    """Tie ourselves to the parent, where the system can, and become the program."""
    parent, *program = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):
            sys.exit("the parent is gone")
    os.execv(program[0], program)  # noqa: S606 - the program is our own setting


if __name__ == "__main__":
    main(sys.argv[1:])
