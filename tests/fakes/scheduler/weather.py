"""The weather at the hub itself; what may happen on the way to it is made by a proxy before it.

- THROTTLING: every call is refused with RESOURCE_EXHAUSTED, and nothing is done.
- WRONG: in turn, INTERNAL, and nothing is done; and UNKNOWN, after it was done.
- `refuse_with`: every call is refused with that status, whatever the weather.

A stream of work items that is open stays open, and goes on: what was sent on it is lost when its
worker does not try again to report it.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, override

import grpc

from tests.support.weather.kinds import Weather

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    type Context = grpc.aio.ServicerContext[Any, Any]
    type Handler = grpc.RpcMethodHandler[Any, Any] | None

KINDS = (Weather.WELL, Weather.THROTTLING, Weather.WRONG)
_STATUS = {
    Weather.THROTTLING: (grpc.StatusCode.RESOURCE_EXHAUSTED, "Not so fast."),
    Weather.WRONG: (grpc.StatusCode.INTERNAL, "It went wrong."),
}


class HubWeather(grpc.aio.ServerInterceptor):
    """Before every call. `struck` counts the calls that the weather spoiled."""

    def __init__(self) -> None:
        self.struck = 0
        self.refuse_with: grpc.StatusCode | None = None
        self._weather = Weather.WELL
        self._done = cycle((False, True))

    @property
    def weather(self) -> Weather:
        """The weather now; it is in force as soon as it is set."""
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        if weather not in KINDS:
            raise ValueError(f"A proxy before the hub makes it {weather}.")
        self._weather = weather

    async def check(self, context: Context) -> None:
        """End a call unless the weather is good."""
        if self.refuse_with is not None:
            self.struck += 1
            await context.abort(self.refuse_with, "Told to by a test.")
        if self._weather is not Weather.WELL:
            self.struck += 1
            await context.abort(*_STATUS[self._weather])

    @override
    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:  # streams look after themselves
            return handler
        answer = handler.unary_unary

        async def spoiled(request: Any, context: Any) -> Any:
            if self._weather is Weather.WRONG and next(self._done):
                self.struck += 1
                await answer(request, context)
                await context.abort(grpc.StatusCode.UNKNOWN, "Something went wrong.")
            await self.check(context)
            return await answer(request, context)

        return grpc.unary_unary_rpc_method_handler(
            spoiled,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
