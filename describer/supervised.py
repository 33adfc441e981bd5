"""A describer process that is replaced when a file brings it down: one file harms no other."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from describer.child import DescriberLostError, DescriberProcess, DescriberTimeoutError
from describer.protocol import Response, Status

if TYPE_CHECKING:
    from describer.protocol import Request
    from describer.rules import JobRules

logger = logging.getLogger(__name__)

_TRIES = 2  # of a file that crashes a process; one may be bad luck
_LOST_BY_FILES = 6  # in a row; more of them are the describer's own fault


class SupervisedDescriber:
    """Answers every request. It asks one process, which is started when it is needed."""

    def __init__(self, rules: JobRules) -> None:
        self._rules = rules
        self._process: DescriberProcess | None = None
        self._lost = 0  # processes, since one has last answered

    async def describe(self, request: Request, within_s: float) -> Response:
        """The response of a process, and how long it took. A file that takes too long is
        unreadable at once, one that crashes two processes too, unless every process crashes: then
        the describer itself is broken, and that is unavailable.
        """
        reason = ""
        for _ in range(_TRIES):
            try:
                process = await self._living_process()
            except DescriberLostError as exc:
                return _unavailable(request, f"The describer does not start: {exc}")
            begun = asyncio.get_running_loop().time()
            try:
                response = await process.describe(request, within_s)
            except DescriberTimeoutError as exc:
                _log_loss(request, str(exc))
                return _unreadable(request, str(exc))
            except DescriberLostError as exc:
                reason = str(exc)
                self._lost += 1
                _log_loss(request, reason)
            else:
                self._lost = 0
                return replace(response, took_s=asyncio.get_running_loop().time() - begun)
        if self._lost > _LOST_BY_FILES:
            return _unavailable(request, "Every describer process dies.")
        return _unreadable(request, f"{reason.rstrip('.')}, twice.")

    async def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            await self._process.stop()

    async def _living_process(self) -> DescriberProcess:
        if self._process is None or not self._process.alive:
            self._process = await DescriberProcess.start(
                self._rules.command, self._rules.environment, self._rules.ready_within
            )
        return self._process


def _log_loss(request: Request, reason: str) -> None:
    logger.warning(
        "describer process lost",
        extra={"action": "describer_lost", "job_id": request.job_id, "reason": reason},
    )


def _unreadable(request: Request, reason: str) -> Response:
    return Response(job_id=request.job_id, status=Status.UNREADABLE, reason=reason)


def _unavailable(request: Request, reason: str) -> Response:
    return Response(job_id=request.job_id, status=Status.UNAVAILABLE, reason=reason)
