"""The Python worker: the real library (azure-functions-runtime) loads the app and runs functions.

One app per process, and everything on one event loop, as in the real worker.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.functions_host.protos import (
    Message,
    ParameterBinding,
    Protos,
    StatusResult,
    TypedData,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


runtime: Any = importlib.import_module("azure_functions_runtime")  # it has no types


class FunctionFailedError(Exception):
    """A function raised; the text is what the worker reports of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """An indexed function; a binding is what function.json would hold."""

    id: str
    name: str
    trigger: Mapping[str, Any]
    bindings: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint:
    """Where the process is to kill itself: before, or right after, its nth run of a function."""

    number: int
    after: bool


class Worker:
    """Runs functions. `durable_client` is the configuration that the durable binding carries."""

    def __init__(self, durable_client: str, crash: CrashPoint | None = None) -> None:
        self._durable_client = durable_client
        self._crash = crash
        self.runs = 0
        self.functions: dict[str, Function] = {}

    async def load(self, folder: Path) -> None:
        """Index function_app.py. Raises FunctionFailedError with the worker's words."""
        runtime.start_threadpool_executor()
        initialised = await runtime.worker_init_request(
            _request(
                worker_init_request=Message(
                    capabilities={}, function_app_directory=str(folder), host_version="4.1000.0"
                )
            )
        )
        _raise_for(initialised)
        indexed = await runtime.functions_metadata_request(_request())
        for each in indexed.function_metadata_results:
            load = Message(function_id=each.function_id)
            await runtime.function_load_request(_request(function_load_request=load))
            bindings = tuple(json.loads(binding) for binding in each.raw_bindings)
            trigger = next(it for it in bindings if it["type"].lower().endswith("trigger"))
            self.functions[each.name] = Function(
                id=each.function_id, name=each.name, trigger=trigger, bindings=bindings
            )

    def of_type(self, trigger_type: str, key: str) -> dict[str, Function]:
        """The functions of a trigger type, by what their trigger says under `key`, or by name."""
        return {
            (function.trigger.get(key) or name): function
            for name, function in self.functions.items()
            if function.trigger["type"] == trigger_type
        }

    async def invoke(
        self, function: Function, data: Message, metadata: Mapping[str, Message] | None = None
    ) -> Any:
        """Run a function once; its return value, a TypedData or None. Raises
        FunctionFailedError.
        """
        self.runs += 1
        number = self.runs
        self._crash_at(number, after=False)
        response = await runtime.invocation_request(
            _request(
                invocation_request=Message(
                    invocation_id=str(number),
                    function_id=function.id,
                    input_data=self._inputs(function, data),
                    trigger_metadata=dict(metadata or {}),
                    trace_context=Message(trace_parent="", trace_state="", attributes={}),
                    retry_context=Message(retry_count=0, max_retry_count=0),
                )
            )
        )
        self._crash_at(number, after=True)
        _raise_for(response)
        return response.return_value

    def _inputs(self, function: Function, data: Message) -> list[ParameterBinding]:
        client = TypedData(string=self._durable_client)
        return [ParameterBinding(name=function.trigger["name"], data=data)] + [
            ParameterBinding(name=binding["name"], data=client)
            for binding in function.bindings
            if binding["type"] == "durableClient"
        ]

    def _crash_at(self, number: int, *, after: bool) -> None:
        if self._crash == CrashPoint(number=number, after=after):
            os.kill(os.getpid(), signal.SIGKILL)


def _request(**fields: Any) -> Message:
    properties = {"host": "127.0.0.1", "protos": Protos()}
    return Message(request=Message(**fields), properties=properties)


def _raise_for(response: Any) -> None:
    if response.result.status != StatusResult.Success:
        error = response.result.exception
        raise FunctionFailedError(f"{error.message}\n{error.stack_trace}")
