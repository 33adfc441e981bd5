"""The real describer, with code planted in its decoder of photos: what a file that takes a decoder
over would try. The photo ends in a line of JSON that says where to look; what was reached goes to
standard error, which everybody may write to.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NoReturn

COMMAND = (sys.executable, "-m", "tests.support.planted_decoder", "--worker")
MARK = "planted code reached "
_PTRACE_ATTACH = 16
_IO_URING_SETUP = 425
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _files(folder: Path) -> list[str]:
    """The files below a folder that can be read."""
    return [str(file) for file in folder.rglob("*") if file.is_file() and _read(file) is not None]


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def _fork() -> int:
    """A process that outlives us, if nobody ends it."""
    if (forked := os.fork()) == 0:
        os.setsid()
        sleeper = (sys.executable, "-c", "import time; time.sleep(600)")
        os.execv(sys.executable, sleeper)  # noqa: S606 - that is the attempt
    return forked


def _exec() -> str:
    try:
        os.execv("/there/is/no/such/program", ("program",))  # noqa: S606 - that is the attempt
    except FileNotFoundError:
        return "a program would have been started"


def _other_descriptors(media: int) -> list[int]:
    """Open files that we were not given: none but what we read, and the streams."""
    found: list[int] = []
    for descriptor in range(3, 1024):
        try:
            it = os.fstat(descriptor)
        except OSError:
            continue
        if stat.S_ISREG(it.st_mode) and it.st_ino != media:
            found.append(descriptor)
    return found


def attempts(where: dict[str, Any], media: int) -> dict[str, Callable[[], object]]:
    """What is tried, by name; `where` names the data folder, the server's process and a port."""
    data, server, port = Path(where["data"]), os.getppid(), where["port"]
    proc, buffer = Path(f"/proc/{server}"), (ctypes.c_char * 256)()
    return {
        "environ": lambda: len((proc / "environ").read_bytes()),
        "memory": lambda: (proc / "mem").open("rb").fileno(),
        "ptrace": lambda: _checked(_libc.ptrace(_PTRACE_ATTACH, server, None, None)),
        "root": lambda: (proc / "root" / str(data / "state.db").lstrip("/")).read_bytes()[:6],
        "submissions": lambda: _files(data / "blobs"),
        "maildir": lambda: _files(data / "mailbox"),
        "databases": lambda: [str(file) for file in data.glob("*.db*") if _read(file) is not None],
        "listing": lambda: os.listdir(data),  # noqa: PTH208
        "home": lambda: os.listdir(Path.home()),  # noqa: PTH208
        "write": lambda: (data / "planted").write_text("x"),
        "temporary": lambda: Path("/tmp/planted-by-a-test").write_text("x"),
        "delete": lambda: (data / "version").unlink(),
        "truncate": lambda: os.truncate(data / "lock", 0),
        "chmod": lambda: (data / "lock").chmod(0o777),
        "connect": lambda: socket.create_connection(("127.0.0.1", port), 5).fileno(),
        "datagram": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port)),
        "signal": lambda: os.kill(server, 0),
        "io_uring": lambda: _checked(_libc.syscall(_IO_URING_SETUP, 1, buffer)),
        "fork": _fork,
        "exec": _exec,
        "secrets": lambda: [name for name in os.environ if "PASSWORD" in name or "KEY" in name],
        "descriptors": lambda: _other_descriptors(media),
    }


def _open(file: Any, **_: object) -> NoReturn:
    """In place of Pillow's own."""
    from describer.media import UnreadableMediaError

    content = file.read_bytes() if isinstance(file, Path) else file.read()
    media = file.stat() if isinstance(file, Path) else os.fstat(file.fileno())
    reached: dict[str, str] = {}
    for name, attempt in attempts(json.loads(content.rpartition(b"\n")[2]), media.st_ino).items():
        try:
            result = attempt()
        except OSError:
            continue
        if result != []:
            reached[name] = repr(result)
    sys.stderr.write(f"{MARK}{json.dumps(reached)}\n")
    sys.stderr.flush()
    raise UnreadableMediaError("It holds code.")


if __name__ == "__main__":
    from PIL import Image

    from describer.__main__ import main

    Image.open = _open  # pyright: ignore[reportAttributeAccessIssue]
    sys.exit(main(sys.argv[1:]))
