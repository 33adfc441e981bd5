"""Each mechanism that confines, shown by what a process without rights can no longer do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
