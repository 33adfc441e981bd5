"""Each mechanism that confines, shown by what a process without rights can no longer do."""

from __future__ import annotations

import errno
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from describer.confinement import confine, landlock
from describer.confinement.seccomp import build_filter
from describer.confinement.system_calls import ALLOWED, conditional_calls

if TYPE_CHECKING:
    from typing import NoReturn

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
REFUSE = ERRNO | errno.EPERM

PROJECT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines")


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python program in a process of its own, at the top of the project."""
    return subprocess.run(  # noqa: S603 - programs of ours
        [sys.executable, "-c", program, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


READER = """
import sys
from describer.confinement.kernel import drop_capabilities
drop_capabilities()
for name in ("environ", "mem"):
    try:
        with open(f"/proc/{sys.argv[1]}/{name}", "rb") as file:
            print(name, "is read", len(file.read(0)))
    except PermissionError:
        print(name, "is refused")
"""
SERVER = """
import sys
from describer.confinement import kernel
kernel.drop_capabilities()  # those of root alone would keep the reader out
if sys.argv[1] == "private":
    assert kernel.deny_inspection()
print("started", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("kind", "found"), [("private", "refused"), ("open", "read 0")])
def test_memory_and_environment_are_read_by_a_process_of_the_same_user_unless_denied(
    kind: str, found: str
) -> None:
    with subprocess.Popen(  # noqa: S603 - a program of ours
        [sys.executable, "-c", SERVER, kind],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "started\n"
        read = run(READER, str(server.pid))
        server.communicate()
    assert read.stdout.splitlines() == [f"environ is {found}", f"mem is {found}"], read.stderr


PROCESSORS = {
    "x86_64": (0, Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), r"__NR_(\w+) (\d+)"),
    "aarch64": (1, Path("/usr/include/asm-generic/unistd.h"), r"__NR(?:3264)?_(\w+) (\d+)"),
}
OTHER_NAMES = {"newfstatat": "fstatat"}  # of the generic table, for one number


@pytest.mark.parametrize("processor", PROCESSORS)
def test_the_numbers_are_those_of_the_kernels_headers(processor: str) -> None:
    column, header, pattern = PROCESSORS[processor]
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    numbers = dict(re.findall(pattern, header.read_text()))
    for name, pair in ALLOWED.items():
        known = numbers.get(name) or numbers.get(OTHER_NAMES.get(name, name))
        assert pair[column] == (None if known is None else int(known)), name


@pytest.mark.parametrize(("column", "architecture"), [(0, 0xC000003E), (1, 0xC00000B7)])
def test_the_filter_allows_what_it_lists_and_refuses_the_rest(
    column: int, architecture: int
) -> None:
    program = tuple(build_filter(column, architecture, our_pid=77))
    listed = {numbers[column] for numbers in ALLOWED.values()}
    conditional = {call.numbers[column] for call in conditional_calls(77)}
    for number in set(range(600)) - conditional - {435}:
        wanted = ALLOW if number in listed else REFUSE
        assert outcome(program, architecture, number) == wanted, number
    assert outcome(program, architecture, 435) == ERRNO | errno.ENOSYS
    assert outcome(program, architecture ^ 1, 0) == KILL


@pytest.mark.parametrize(
    ("name", "arguments", "allowed"),
    [
        ((257, 56), (0, 0, os.O_RDONLY | os.O_CLOEXEC), True),
        ((257, 56), (0, 0, os.O_WRONLY), False),
        ((257, 56), (0, 0, os.O_RDONLY | os.O_CREAT), False),
        ((257, 56), (0, 0, os.O_RDWR), False),
        ((56, 220), (0x3D0F00,), True),  # a thread of glibc
        ((56, 220), (0x1200011,), False),  # fork
        ((16, 29), (0, 0x5401), True),
        ((16, 29), (0, 0x5412), False),  # TIOCSTI
        ((234, 131), (77, 5), True),
        ((234, 131), (78, 5), False),
        ((302, 261), (0, 7, 0), True),
        ((302, 261), (0, 7, 1 << 32), False),  # a pointer whose low half is nothing
        ((157, 167), (15,), True),
        ((157, 167), (4,), False),
    ],
)
@pytest.mark.parametrize(("column", "architecture"), [(0, 0xC000003E), (1, 0xC00000B7)])
def test_some_calls_are_allowed_by_an_argument(
    name: tuple[int, int],
    arguments: tuple[int, ...],
    allowed: bool,
    column: int,
    architecture: int,
) -> None:
    program = tuple(build_filter(column, architecture, our_pid=77))
    found = outcome(program, architecture, name[column], *arguments)
    assert found == (ALLOW if allowed else REFUSE)


def outcome(
    program: tuple[tuple[int, int, int, int], ...], architecture: int, number: int, *arguments: int
) -> int:
    """What the kernel would do: the few instructions of classic BPF that the filter has."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *(0,) * (6 - len(arguments)))
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, operand)
            case 0x15:
                at += if_true if accumulator == operand else if_false
            case 0x45:
                at += if_true if accumulator & operand else if_false
            case _:
                return operand


def test_what_a_system_lacks_is_said_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confine, "_be_private", lambda: "held")
    monkeypatch.setattr(confine, "_forbid_privileges", lambda: "held")
    monkeypatch.setattr(confine, "_limit", lambda: "held")
    monkeypatch.setattr(confine, "_count_threads", lambda: 1)
    monkeypatch.setattr(landlock, "syscall", lacking)
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    found = {one.name: one for one in confine.confine()}
    assert [name for name, one in found.items() if not one.holds] == ["landlock", "seccomp"]
    assert found["landlock"].detail == "not available here (Function not implemented)"
    assert "no table of system calls for riscv64" in found["seccomp"].detail


def lacking(*_: object) -> NoReturn:
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


def test_the_folder_of_the_program_itself_is_not_readable() -> None:
    """By default the data lie in it."""
    readable = {path.resolve() for path in confine.installation()}
    data = PROJECT / "data" / "blobs"
    assert not readable & {data, *data.parents}
    assert PROJECT / "describer" in readable
