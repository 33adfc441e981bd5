"""What a describer process does to itself before it opens a file from outside."""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import BinaryIO

_MB = 1024 * 1024


def limit_resources(memory_mb: int) -> None:
    """Leave no core dumps (they hold people's photos) and stop at `memory_mb` of address space."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_mb:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = memory_mb * _MB
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def set_cpu_alarm(seconds: float) -> None:
    """Be ended by SIGPROF after so many more seconds of CPU, whatever we are at; 0: not at all.

    Python sees a signal only between two calls into a decoder, and one call may last for minutes:
    so there is no handler, and the kernel ends us. The parent knows the signal.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds)


def ignore_interrupts() -> None:
    """Ctrl-C reaches the whole process group; the parent decides when its children end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def reserve_stdout() -> BinaryIO:
    """Standard output for our lines alone: what libraries print goes to standard error instead."""
    sys.stdout.flush()
    ours = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return ours
