"""The provider that asks a service by HTTP: any that takes media and answers with JSON.

What the service gets and where its findings lie is declared in a mapping (mapping.py). An answer
that may be better next time is `Unavailable`; only a clear "this media is bad" is `Refused`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from describer.providers.address import check_address, key_headers
from describer.providers.answers import parse, refusal
from describer.providers.base import Findings, Refused, Unavailable
from describer.providers.exchange import Answer, AnyService, Service
from describer.providers.findings import read_findings
from describer.providers.mapping import Mapping, load_mapping
from describer.providers.paths import Node, first
from describer.providers.payload import prepare
from describer.providers.polling import Polling

if TYPE_CHECKING:
    from describer.media import Reading, Source
    from describer.settings import ThirdPartySettings

logger = logging.getLogger(__name__)

_MEDIA_IS_BAD = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThirdParty:
    """Describes by a service. Keep it: it holds the connections to the service."""

    settings: ThirdPartySettings
    mapping: Mapping
    service: AnyService

    @classmethod
    def from_settings(
        cls, settings: ThirdPartySettings, service: AnyService | None = None
    ) -> ThirdParty:
        """Check the settings; nothing is sent yet. Raises SettingsError."""
        return cls(
            settings=settings,
            mapping=load_mapping(settings.mapping),
            service=service or connect(settings),
        )

    def find(self, source: Source, reading: Reading) -> Findings | Refused | Unavailable:
        """Ask the service, wait for it if need be, and read its answer."""
        outcome = self._ask(source, reading)
        if isinstance(outcome, Unavailable):
            logger.warning(
                "third party unavailable",
                extra={
                    "action": "third_party_unavailable",
                    "reason": outcome.reason,
                    "retry_after_s": outcome.retry_after_s,
                },
            )
        return outcome

    def _ask(self, source: Source, reading: Reading) -> Findings | Refused | Unavailable:
        with prepare(self.mapping.request, self.settings.mode, source, reading) as payload:
            if isinstance(payload, Refused | Unavailable):
                return payload
            answer = self.service.post(payload.content, {"Content-Type": payload.media_type})
        result = answer if isinstance(answer, Unavailable) else self._result(answer)
        if isinstance(result, Refused | Unavailable):
            return result
        if self._says_refused(result):
            return refusal(result, self.mapping.answer.refused)
        findings = read_findings(self.mapping, result.value, payload.width, payload.height)
        return findings or Unavailable(
            reason="The answer of the description service has not the form that its mapping says."
        )

    def _says_refused(self, answer: Node) -> bool:
        path = self.mapping.answer.refused
        return path is not None and first(answer, path) is not None

    def _result(self, answer: Answer) -> Node | Refused | Unavailable:
        """The JSON that holds the findings, after all waiting."""
        if answer.status in _MEDIA_IS_BAD:
            return refusal(parse(answer), self.mapping.answer.error)
        if self.mapping.polling is None:
            return answer.outage() or parse(answer)
        return Polling(
            table=self.mapping.polling,
            service=self.service,
            error=self.mapping.answer.error,
            poll_s=self.settings.poll_s,
            deadline_s=self.settings.deadline_s,
        ).wait(answer)


def connect(settings: ThirdPartySettings) -> Service:
    """The service, which gets our key with every request. Raises SettingsError."""
    check_address(settings)
    mapping = load_mapping(settings.mapping)
    return Service.connect(settings, {**mapping.request.headers, **key_headers(settings)})
