"""The engine's process is killed again and again under load: nothing is lost or done twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.support.engine_program import STEPS

_ROOT = Path(__file__).parents[2]
_INSTANCES = [f"o{number}" for number in range(60)]
_KILLS = 8


class _Program:
    """The engine's process, started anew whenever it was killed."""

    def __init__(self, folder: Path) -> None:
        self._arguments = [str(folder / "engine.db"), str(folder / "log")]
        self._process = self._started()

    def ask(self, command: str, instance_id: str) -> Any:
        """Send a command and wait for its answer."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{command} {instance_id}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.communicate()

    def restart(self) -> None:
        """Start it again on the same file."""
        self._process = self._started()

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-m", "tests.support.engine_program", *self._arguments],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def test_no_instance_is_lost_or_done_twice_when_the_engine_is_killed(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 a test that can be repeated
    with_event = set(chance.sample(_INSTANCES, len(_INSTANCES) // 2))
    program = _Program(tmp_path)
    try:
        for instance_id in _INSTANCES:
            assert program.ask("start", instance_id) is True
        waiting = sorted(with_event)
        for _ in range(_KILLS):
            for _ in range(4):
                if waiting:
                    assert program.ask("event", waiting.pop()) is True
            time.sleep(chance.uniform(0.0, 0.4))
            program.kill()
            program.restart()
        for instance_id in waiting:
            assert program.ask("event", instance_id) is True
        outputs = {instance_id: _output(program, instance_id) for instance_id in _INSTANCES}
    finally:
        program.kill()

    assert all(output["child"] == "flaky" for output in outputs.values())
    assert all(outputs[name]["winner"] == "timer" for name in set(_INSTANCES) - with_event)
    runs = Counter((tmp_path / "log").read_text().splitlines())
    assert len(runs) == STEPS * len(_INSTANCES)
    assert runs.total() < len(runs) * 1.5  # an activity may run again, the finished ones do not


def _output(program: _Program, instance_id: str) -> dict[str, Any]:
    deadline, state = time.monotonic() + 30, "unknown"
    while time.monotonic() < deadline:
        state, output = program.ask("state", instance_id)
        if state == "completed":
            return output
        assert state != "failed", output
        time.sleep(0.02)
    raise AssertionError(f"{instance_id} is {state}")
