"""What a container is told: which media to describe, where the results go, and whom to tell.

The environment holds, beside the MAIL_INGEST_* settings, JOBS_URL (https or file): a JSON array of
`Item`. Where EVENT_URL is set, the CloudEvent media.described of each item is posted there, with
EVENT_KEY in the header field that EVENT_KEY_HEADER names (aeg-sas-key, Event Grid's, by default);
where it is not, whoever reads the reports tells.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared.codec import from_json
from shared.errors import SettingsError
from shared.model import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from describer.transfer import Transfer

# Nothing of this is for the process that opens the files of strangers.
SECRETS = frozenset({"JOBS_URL", "EVENT_URL", "EVENT_KEY", "EVENT_KEY_HEADER"}) | {
    # by which Azure gives a container the tokens of its managed identity
    *("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One photo or video. The URLs are https or file; results, thumbnail and report are PUT.

    `description_blob` is the name that the event gives to the description, `event_id` the event's
    own ID. `within_s` is how long the describer may take.
    """

    job_id: str
    kind: Kind
    media_type: str
    file_name: str
    media_url: str
    result_url: str
    thumbnail_url: str
    report_url: str
    description_blob: str
    within_s: float
    traceparent: str = ""
    event_id: str = ""  # an older release gave none


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Everything that one container is told. An empty `event_url`: nobody but the reports."""

    items: tuple[Item, ...]
    event_url: str = ""
    event_headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_env(cls, env: Mapping[str, str], transfer: Transfer) -> Assignment:
        """Read the environment, and fetch the items that it points to.

        Raises SettingsError, naming the variable, StorageCorruptError and TransferError.
        """
        url = env.get("JOBS_URL", "").strip()
        if not url:
            raise SettingsError("JOBS_URL", "is missing.")
        key = env.get("EVENT_KEY", "")
        return cls(
            items=_fetch(url, transfer),
            event_url=env.get("EVENT_URL", "").strip(),
            event_headers=((env.get("EVENT_KEY_HEADER") or "aeg-sas-key", key),) if key else (),
        )


def _fetch(url: str, transfer: Transfer) -> tuple[Item, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.json"
        transfer.download(url, path)
        return from_json(path.read_bytes(), tuple[Item, ...], where="JOBS_URL")
