"""Our Service Bus as a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.settings.azure import ServiceBusSettings
from tests.support.told_process import ToldProcess

if TYPE_CHECKING:
    from pathlib import Path


class ServiceBusProcess(ToldProcess):
    """One broker with one queue; what it keeps lies in `folder`."""

    def __init__(self, folder: Path, queue: str = "submissions") -> None:
        super().__init__("tests.fakes.service_bus", str(folder / "service-bus.db"), queue)
        self.queue = queue

    @property
    def connection_string(self) -> str:
        """For the SDKs; empty before the first start."""
        return self.said

    @property
    def settings(self) -> ServiceBusSettings:
        """What connects to it."""
        return ServiceBusSettings(connection_string=self.connection_string, queue=self.queue)
