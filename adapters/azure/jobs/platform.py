"""What a service that runs containers must offer, whichever it is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from shared.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Set


class ContainerState(StrEnum):
    """Where a container is. One that is not there at all has no state."""

    RUNNING = "running"  # or on its way to it
    ENDED = "ended"  # well or badly: its reports tell
    UNKNOWN = "unknown"  # Azure does not tell now


class JobRefusedError(IngestError):
    """Azure says no to a container for good: a wrong setting, or a right that we lack."""

    def __init__(self, service: str, code: str) -> None:
        super().__init__(
            f"{service} refuses our containers ({code}). Look at the settings MAIL_INGEST_JOBS_*"
            " and at the role of our identity; the jobs wait."
        )
        self.service = service
        self.code = code


class ContainerPlatform(Protocol):
    """Runs the describer's image, one container for each name.

    Every method may raise ServiceUnavailableError, also when a quota is used up (409, 429), and
    JobRefusedError.
    """

    async def names(self) -> Set[str]:
        """The containers of ours that are there; those that have ended only if they cost room."""
        ...

    async def states(self, names: Collection[str]) -> Mapping[str, ContainerState]:
        """The states of those that are there."""
        ...

    async def create(self, name: str, jobs_url: str, submission_id: str) -> None:
        """Ask for a container, which is not waited for. `jobs_url` is a secret."""
        ...

    async def remove(self, name: str) -> None:
        """Stop a container and let nothing of it stay. Harmless when it is not there."""
        ...

    async def close(self) -> None:
        """Let go of the connections; what runs goes on."""
        ...
