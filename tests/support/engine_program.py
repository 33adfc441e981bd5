"""A program around a local engine that a test may kill: `python -m tests.support.engine_program
FILE LOG`.

It reads commands, `start ID`, `event ID` or `state ID`, a line each, and answers each with a line
when it is durable. Each run of an activity is a line in LOG: the instance and the step.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

from durabletask import task

from shared.model import JsonObject
from tests.support.engine import Activity, local_engine

type Steps = Generator[task.Task[Any], Any, JsonObject]

STEPS = 7  # runs of activities for each instance, when nobody is killed
_FLAKY = task.RetryPolicy(
    first_retry_interval=timedelta(milliseconds=100), max_number_of_attempts=100
)


def outer(ctx: task.OrchestrationContext, _payload: JsonObject) -> Steps:
    """Activities side by side, a sub-orchestration, an event against a timer, a last activity."""
    calls: list[task.Task[Any]] = [_step(ctx, f"part{n}") for n in range(5)]
    child: task.Task[Any] = ctx.call_sub_orchestrator(
        "inner", input={}, instance_id=f"{ctx.instance_id}:1"
    )
    event: task.Task[Any] = ctx.wait_for_external_event("Go")
    yield task.when_all(calls)
    timer: task.Task[Any] = ctx.create_timer(timedelta(seconds=3))
    winner = yield task.when_any([event, timer])
    described = yield child
    yield _step(ctx, "last")
    return {"winner": "timer" if winner is timer else "event", "child": described["step"]}


def inner(ctx: task.OrchestrationContext, _payload: JsonObject) -> Steps:
    """A timer, then an activity that fails once and is tried again."""
    yield ctx.create_timer(timedelta(seconds=0.5))
    return (yield _step(ctx, "flaky"))


def _step(ctx: task.OrchestrationContext, step: str) -> task.Task[Any]:
    return ctx.call_activity(
        "act", input={"id": ctx.instance_id, "step": step}, retry_policy=_FLAKY
    )


def act_and_note(log: Path) -> Activity:
    """The activity of both orchestrators: it writes each run as a line, the instance and the step,
    and fails at the first try of the step that is flaky.
    """
    attempts: dict[str, int] = {}

    async def act(payload: JsonObject) -> JsonObject:
        await asyncio.sleep(0.02)
        attempt = attempts[payload["id"]] = attempts.get(payload["id"], 0) + 1
        if payload["step"] == "flaky" and attempt == 1:
            raise ConnectionError
        with log.open("a") as file:
            file.write(f"{payload['id']} {payload['step']}\n")
        return payload

    return act


async def _serve(path: Path, log: Path) -> None:
    async with local_engine(path, [outer, inner], {"act": act_and_note(log)}) as engine:
        while line := await asyncio.to_thread(sys.stdin.readline):
            command, instance_id = line.split()
            if command == "start":
                answer: Any = await engine.start("outer", instance_id=instance_id, payload={})
            elif command == "event":
                answer = await engine.raise_event(instance_id, name="Go", payload={})
            else:
                instance = await engine.instance(instance_id)
                answer = instance and [instance.state.value, instance.output]
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), Path(sys.argv[2])))
