"""The Functions app in a process of its own, which is handed recorded histories.

`python -m tests.support.replayed_functions` prints how many turns it was asked for, and what it
does otherwise than when they were recorded.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import durabletask.internal.orchestrator_service_pb2 as pb

from tests.fakes.functions_host.protos import TypedData
from tests.fakes.functions_host.worker import Worker
from tests.support.azure_app import PROJECT, SETTINGS
from tests.support.histories import FOLDER, advice, first_deviation, load_recordings, turns_of

if TYPE_CHECKING:
    from tests.fakes.functions_host.worker import Function


def replay_on_functions() -> dict[str, Any]:
    """`turns`, how many there were, and `deviations`."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.replayed_functions"],
        cwd=PROJECT,
        env=os.environ | SETTINGS,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


async def main() -> None:
    """Print what `replay_on_functions` gives."""
    worker = Worker("{}")
    await worker.load(PROJECT)
    functions = worker.of_type("orchestrationTrigger", "orchestration")
    loop = asyncio.get_running_loop()
    runs = worker.runs

    def run_turn(function: Function, request: pb.OrchestratorRequest) -> pb.OrchestratorResponse:
        turn = _turn(worker, function, request)
        return asyncio.run_coroutine_threadsafe(turn, loop).result()

    def replay() -> list[str]:
        return [
            advice(it.name, recording.name, deviation)
            for recording in load_recordings(FOLDER)
            for it in recording.instances
            if (
                deviation := first_deviation(
                    turns_of(it), lambda request, name=it.name: run_turn(functions[name], request)
                )
            )
        ]

    deviations = await asyncio.to_thread(replay)
    sys.stdout.write(json.dumps({"turns": worker.runs - runs, "deviations": deviations}))


async def _turn(
    worker: Worker, function: Function, request: pb.OrchestratorRequest
) -> pb.OrchestratorResponse:
    data = TypedData(string=base64.b64encode(request.SerializeToString()).decode("ascii"))
    answer = await worker.invoke(function, data)
    return pb.OrchestratorResponse.FromString(base64.b64decode(answer.string))


if __name__ == "__main__":
    asyncio.run(main())
