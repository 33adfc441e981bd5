"""Runs a workflow's actions once, in the order that runAfter gives, and notes how each ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.logicapp.wdl.evaluate import Values
from tests.logicapp.wdl.expressions import WorkflowError
from tests.logicapp.wdl.functions import PURE
from tests.logicapp.wdl.http_calls import Exchange, HttpCalls, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

type Definition = Mapping[str, Any]
type Actions = Mapping[str, Any]

_BAD = ("Failed", "TimedOut")


class Run:
    """One run of a definition. `statuses` tells how each action ended, `iterations` the same for
    each round of a loop, `error` is the code of Terminate.
    """

    def __init__(
        self, definition: Definition, *, parameters: Mapping[str, Any], calls: HttpCalls
    ) -> None:
        self._definition = definition
        self._calls = calls
        self._values = Values(parameters=_parameters(definition, parameters))
        self.status = ""
        self.error = ""
        self.statuses: dict[str, str] = {}
        self.results: dict[str, Result] = {}
        self.iterations: list[dict[str, str]] = []

    @property
    def exchanges(self) -> list[Exchange]:
        """Every request that went out."""
        return self._calls.exchanges

    async def start(self, trigger: Any = None) -> str:
        """Run to the end; the run's status."""
        self._values.trigger = trigger
        status = await self._block(self._definition["actions"])
        self.status = self.status or status
        return self.status

    async def _block(self, actions: Actions) -> str:
        """Run actions that belong together; their common status."""
        waiting = dict(actions)
        while waiting:
            name = next(
                (each for each in waiting if not set(_after(waiting[each])) & set(waiting)), None
            )
            if name is None:
                raise WorkflowError(f"runAfter goes round in a circle among {sorted(waiting)}")
            await self._action(name, waiting.pop(name))
        return "Failed" if self._has_failed(actions) else "Succeeded"

    async def _action(self, name: str, action: Actions) -> None:
        wanted = _after(action)
        if self.status or any(self.statuses[each] not in wanted[each] for each in wanted):
            self._skip({name: action})
            return
        try:
            result = await self._perform(name, action)
        except WorkflowError as exc:
            result = Result(status="Failed", code="InvalidTemplate", reason=str(exc))
        self._note(name, result)

    async def _perform(self, name: str, action: Actions) -> Result:
        match action["type"]:
            case "Http" | "ApiConnection":
                return await self._call(action)
            case "Scope":
                return Result(status=await self._block(action["actions"]))
            case "If":
                return Result(status=await self._either(action))
            case "Foreach":
                return Result(status=await self._loop(name, action))
            case "Terminate":
                return self._terminate(action)
            case kind:
                raise WorkflowError(f"the action type {kind} is not in the subset")

    async def _call(self, action: Actions) -> Result:
        inputs = self._values.resolve(action["inputs"])
        if "host" in inputs:
            inputs["uri"] = inputs["host"]["connection"]["name"] + inputs["path"]
        asynchronous = (
            action["type"] == "Http" and action.get("operationOptions") != "DisableAsyncPattern"
        )
        return await self._calls.perform(inputs, asynchronous=asynchronous)

    async def _either(self, action: Actions) -> str:
        chosen, other = action["actions"], action.get("else", {}).get("actions", {})
        if not self._holds(action["expression"]):
            chosen, other = other, chosen
        self._skip(other)
        return await self._block(chosen)

    def _holds(self, condition: Actions) -> bool:
        return all(
            PURE[operator.lower()].call(*self._values.resolve(operands))
            for each in condition["and"]
            for operator, operands in each.items()
        )

    async def _loop(self, name: str, action: Actions) -> str:
        ended: list[str] = []
        for item in self._values.resolve(action["foreach"]):
            self._values.items[name] = item
            before = dict(self.statuses)
            ended.append(await self._block(action["actions"]))
            self.iterations.append(
                {each: how for each, how in self.statuses.items() if each not in before}
            )
            self.statuses = before
        return "Failed" if "Failed" in ended else "Succeeded"

    def _terminate(self, action: Actions) -> Result:
        inputs = self._values.resolve(action["inputs"])
        self.status, self.error = inputs["runStatus"], inputs["runError"]["code"]
        return Result(status="Succeeded")

    def _skip(self, actions: Actions) -> None:
        for name, action in actions.items():
            self._skip(action.get("actions", {}))
            self._skip(action.get("else", {}).get("actions", {}))
            self._note(name, Result(status="Skipped"))

    def _note(self, name: str, result: Result) -> None:
        self.statuses[name], self.results[name] = result.status, result
        self._values.outputs[name] = result.outputs

    def _has_failed(self, actions: Actions) -> bool:
        """Whether a branch failed: its last action, or where that was skipped, what led to it."""
        followed = {each for action in actions.values() for each in _after(action)}
        return any(self._ended_badly(actions, name) for name in actions if name not in followed)

    def _ended_badly(self, actions: Actions, name: str) -> bool:
        if self.statuses[name] == "Skipped":
            return any(self._ended_badly(actions, each) for each in _after(actions[name]))
        return self.statuses[name] in _BAD


def _after(action: Actions) -> Mapping[str, list[str]]:
    return action.get("runAfter", {})


def _parameters(definition: Definition, given: Mapping[str, Any]) -> dict[str, Any]:
    declared: Mapping[str, Any] = definition["parameters"]
    if unknown := sorted(set(given) - set(declared)):
        raise WorkflowError(f"there are no parameters {unknown}")
    missing = [
        name for name, each in declared.items() if name not in given and "defaultValue" not in each
    ]
    if missing:
        raise WorkflowError(f"the parameters {missing} have no value")
    return {name: given.get(name, each.get("defaultValue")) for name, each in declared.items()}
