"""Confines this process for good, after it has loaded its libraries and models."""

from __future__ import annotations

import os
import resource
import stat
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from describer.confinement import landlock
from describer.confinement.kernel import (
    deny_inspection,
    drop_capabilities,
    forbid_new_privileges,
)
from describer.confinement.seccomp import refuse_system_calls
from describer.protocol import Mechanism

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_DESCRIPTORS = 64
_SYSTEM_LIBRARIES = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"),
    *("/etc/localtime", "/usr/share/zoneinfo"),
)


def confine(*, any_file: bool = False) -> tuple[Mechanism, ...]:
    """Give up what decoding does not need, and say what of it holds. `any_file`: requests name
    files that we must open ourselves.
    """
    readable = (Path("/"),) if any_file else tuple(installation())
    return (
        _tried("dumpable", _be_private),
        _tried("no_new_privs", _forbid_privileges),
        _tried("landlock", lambda: _restrict_files(readable)),
        _tried("limits", _limit),
        _tried("seccomp", _refuse_system_calls),  # last: it refuses what the others need
    )


def installation() -> Iterator[Path]:
    """What Python may still load: its library, the installed packages, and ours, but not the folder
    that ours lie in, which may hold the data too.
    """
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield Path(sysconfig.get_path(name))
    yield from (Path(entry) for entry in sys.path if Path(entry).name.endswith("-packages"))
    packages = {
        Path(folder)
        for name, module in tuple(sys.modules.items())
        if "." not in name
        for folder in getattr(module, "__path__", ())
    }
    yield from packages
    # Wheels keep shared libraries beside the package: pillow.libs, av.libs.
    for folder in {package.parent for package in packages}:
        yield from folder.glob("*.libs")
    yield from map(Path, _SYSTEM_LIBRARIES)


def _tried(name: str, confine_by: Callable[[], str]) -> Mechanism:
    try:
        return Mechanism(name=name, holds=True, detail=confine_by())
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        return Mechanism(name=name, holds=False, detail=f"not available here ({reason})")


def _be_private() -> str:
    if not deny_inspection():
        raise OSError(0, "only Linux has it")
    return "no other process of this user reads its memory"


def _forbid_privileges() -> str:
    forbid_new_privileges()
    drop_capabilities()
    return "no setuid program and no capability gives it rights"


def _restrict_files(readable: tuple[Path, ...]) -> str:
    if (threads := _count_threads()) > 1:
        raise OSError(0, f"{threads} threads run already")
    version = landlock.restrict_files(readable)
    files = "files are read only" if readable == (Path("/"),) else "no file but the libraries"
    network = "no TCP connection" if version >= landlock.NET_FROM else "connections are not covered"
    return f"ABI {version}: {files}, {network}"


def _refuse_system_calls() -> str:
    refuse_system_calls()
    return "no socket, no process, no program, no file but for reading"


def _limit() -> str:
    """Limits of the system that hold for what is opened from now on."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MOST_DESCRIPTORS, _MOST_DESCRIPTORS))
    said = [f"{_MOST_DESCRIPTORS} open files", "no core dump"]
    if not stat.S_ISREG(os.fstat(2).st_mode):  # our log lines go into a file of the operator's
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        said.append("no byte into a file")
    if sys.platform == "darwin":
        # Linux counts threads too, which decoders want: there seccomp tells one from the other.
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        said.append("no process")
    return ", ".join(said)


def _count_threads() -> int:
    try:
        return len(tuple(Path("/proc/self/task").iterdir()))
    except OSError:
        return 1
