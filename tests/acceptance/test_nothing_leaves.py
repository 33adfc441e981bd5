"""No program of ours connects to, or looks up, anything but what it is told to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("mail-ingest")
# An address that a call names: of connect, and of datagrams, which is what look-ups are.
ADDRESS = re.compile(r'sin6?_port=htons\((\d+)\).*?"([^"]+)"')
OURS = frozenset({"127.0.0.1", "::1"})
# The describer's processes are confined and could not connect if they tried; these could.
LOADS_A_MODEL = """
import sys, time
import {first}
import onnxruntime
onnxruntime.InferenceSession(sys.argv[1])
time.sleep(15)  # it reports some 8 s after the start
"""
MODEL = Path(__file__).parents[2] / "describer" / "models" / "tiny_face_detector.onnx"
LOOKS_UP = "import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).connect(('192.0.2.1', 53))"

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def addresses(folder: Path, *command: str | Path) -> set[tuple[str, int]]:
    """Where a program and all its children sent something, as the kernel was asked to."""
    trace = folder / "trace"
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    strace = ["strace", "-f", "-qq", "-e", calls, "-o", str(trace), *command]
    # The programs switch onnxruntime's telemetry off by themselves.
    plain = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    run = subprocess.run(  # noqa: S603
        strace, cwd=folder, env=plain, capture_output=True, text=True, check=False
    )
    if "PTRACE" in run.stderr or "ptrace" in run.stderr:
        pytest.skip("this machine lets nobody trace a program")
    assert run.returncode == 0, run.stdout + run.stderr
    found = ADDRESS.findall(trace.read_text(errors="replace"))
    return {(address, int(port)) for port, address in found}


def test_a_look_up_would_be_seen(tmp_path: Path) -> None:
    assert addresses(tmp_path, sys.executable, "-c", LOOKS_UP) == {("192.0.2.1", 53)}


def test_onnxruntime_looks_nothing_up_once_our_package_is_imported(tmp_path: Path) -> None:
    def found(first: str) -> set[tuple[str, int]]:
        folder = tmp_path / first
        folder.mkdir()
        return addresses(folder, sys.executable, "-c", LOADS_A_MODEL.format(first=first), MODEL)

    with ThreadPoolExecutor() as threads:
        ours, alone = threads.map(found, ("describer", "math"))
    assert ours == set()
    if not alone:  # a busy machine, or a release without reports
        pytest.skip("onnxruntime by itself reported nothing in this time, so this shows nothing")


def test_server_describer_and_commands_speak_to_our_own_addresses_only(tmp_path: Path) -> None:
    """The demo sends mails with photos and videos through all of them."""
    found = addresses(tmp_path, COMMAND, "demo", "--keep", tmp_path / "data")
    assert found
    assert {address for address, _ in found} <= OURS
    assert 53 not in {port for _, port in found}
