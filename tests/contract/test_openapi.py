"""openapi.yaml is right, and the door does what it says: schemathesis with every check."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from openapi_spec_validator import validate

from http_intake.doors import HttpSettings
from mail_ingest.collect import MediaLimits
from tests.support.described_door import DESCRIPTION, fetch_any_mail, only_described_callbacks
from tests.support.http_door import KEYS, open_door
from tests.support.schemathesis_run import schemathesis
from tests.support.uploads import EveryUpload

if TYPE_CHECKING:
    from pathlib import Path


def described() -> dict[str, Any]:
    return yaml.safe_load(DESCRIPTION.read_text("utf-8"))


def test_the_description_is_valid_openapi() -> None:
    validate(described())


@pytest.mark.timeout(300)  # half a minute on an idle machine
async def test_the_door_does_what_the_description_says(tmp_path: Path) -> None:
    mailbox = "photos@newsroom.example"  # the one of the description's examples
    settings = HttpSettings(
        keys=KEYS,
        watchers={"desk-app": frozenset({mailbox})},
        media=MediaLimits(max_media_bytes=10**15),  # as many as an upload can declare
    )
    async with open_door(
        tmp_path,
        settings,
        check_callback=only_described_callbacks(),
        mailboxes=defaultdict(lambda: fetch_any_mail),  # others than the watched one are refused
        uploads=EveryUpload,
    ) as door:
        await schemathesis(door.url, tmp_path)
