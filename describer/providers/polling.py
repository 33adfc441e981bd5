"""Waits for a service that answers later: it names a status URL, and is asked until it is done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from describer.providers.answers import parse, refusal
from describer.providers.base import Refused, Unavailable
from describer.providers.paths import Node, first

if TYPE_CHECKING:
    import httpx

    from describer.providers.exchange import Answer, AnyService
    from describer.providers.mapping import PollingTable

_MAY_PASS = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_HEADER = "header:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """How to wait with one service. Short outages in between are waited out, too."""

    table: PollingTable
    service: AnyService
    error: str | None  # the path of the service's own words when it fails
    poll_s: float
    deadline_s: float

    def wait(self, accepted: Answer) -> Node | Refused | Unavailable:
        """The answer in its final state, or why there is none."""
        until = time.monotonic() + self.deadline_s
        outage = accepted.outage()
        if outage is not None:
            return outage
        url = self._status_url(accepted)
        if url is None:
            return Unavailable(
                reason="The description service named no status URL on its own host."
            )
        pause = accepted.retry_after_s
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(self.poll_s if pause is None else pause, left))
            answer = self.service.get(url)
            final = self._final(answer)
            if final is not None:
                return final
            pause = answer.retry_after_s
        return Unavailable(
            reason=f"The description service did not finish within {self.deadline_s:g} seconds."
        )

    def _status_url(self, accepted: Answer) -> httpx.URL | None:
        where = self.table.status_url
        if where.startswith(_HEADER):
            return self.service.own_url(accepted.headers.get(where.removeprefix(_HEADER)))
        answer = parse(accepted)
        return self.service.own_url(first(answer, where)) if isinstance(answer, Node) else None

    def _final(self, answer: Answer | Unavailable) -> Node | Refused | Unavailable | None:
        """What ends the waiting; None is "not yet"."""
        if isinstance(answer, Unavailable) or _may_pass(answer.status):
            return None
        parsed = answer.outage() or parse(answer)
        if isinstance(parsed, Unavailable):
            return parsed
        status = first(parsed, self.table.status)
        if status in self.table.failed:
            return refusal(parsed, self.error)
        return parsed if status in self.table.done else None


def _may_pass(status: int) -> bool:
    return status in _MAY_PASS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
