"""The choice of every port on Azure, on one page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from host.services import Services
    from http_intake.doors import FetchByReference
    from mail_ingest.ports import Mailbox
    from shared.settings import Settings
    from shared.settings.azure import AzureSettings


class OpenJobs(Protocol):
    """Description jobs that somebody must look after from time to time."""

    async def tick(self) -> None:
        """Look after all that is open, once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureParts:
    """The ports on Azure. `mailbox` is there where one is polled, and `mailboxes` are those whose
    mails may be handed in by reference.
    """

    services: Services
    jobs: OpenJobs
    mailbox: Mailbox | None = None
    mailboxes: Mapping[str, FetchByReference] = field(default_factory=dict[str, "FetchByReference"])


def build(settings: Settings, azure: AzureSettings) -> AzureParts:
    """Every port. Nothing is connected, and no SDK is imported, before a port is used."""
    raise NotImplementedError
