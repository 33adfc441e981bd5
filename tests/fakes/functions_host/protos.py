"""Stand-ins for the protobuf messages between host and worker (FunctionRpc.proto).

The worker library takes whatever module of messages it is handed, and only builds and reads them.
"""

from __future__ import annotations

from typing import Any, override


class Message:
    """Fields by keyword; one that was not set reads as None."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name[:1].isupper():
            raise AttributeError(name)
        return None

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 its name in protobuf
        """The one field that is set."""
        return next(iter(vars(self)), None)


class TypedData(Message):
    """One of string, bytes, json, http, ..."""


class ParameterBinding(Message):
    """The value of one parameter: name, data."""

    @override
    def WhichOneof(self, _group: str) -> str:
        return "data"


class StatusResult(Message):
    """How a request ended."""

    Failure, Success, Cancelled = 0, 1, 2


class BindingInfo(Message):
    """A binding of an indexed function."""

    undefined, string, binary, stream = range(4)
    out, inout = 1, 2


class Protos:
    """The module of messages; a message that nobody looks into is a plain one."""

    TypedData = TypedData
    ParameterBinding = ParameterBinding
    StatusResult = StatusResult
    BindingInfo = BindingInfo

    def __getattr__(self, name: str) -> type[Message]:
        return Message
