"""openapi.yaml is right, and the door does what it says: schemathesis with every check."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from openapi_spec_validator import validate

from http_intake.doors import HttpSettings
from tests.support.http_door import KEY, KEYS, MAIL, open_door

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from http_intake.doors import MailReference

PROJECT = Path(__file__).parents[2]
DESCRIPTION = PROJECT / "http_intake" / "openapi.yaml"


def described() -> dict[str, Any]:
    return yaml.safe_load(DESCRIPTION.read_text("utf-8"))


def only_described_callbacks() -> Callable[[str], str | None]:
    """An address guard that takes what the description's pattern takes."""
    form = described()["paths"]["/v1/submissions"]["post"]["requestBody"]["content"]
    pattern = form["multipart/form-data"]["schema"]["properties"]["callback_url"]["pattern"]
    return lambda url: None if re.fullmatch(pattern, url) else "It is no public https URL."


async def fetch(reference: MailReference) -> AsyncGenerator[bytes]:
    """A mailbox that has every message."""

    async def chunks() -> AsyncGenerator[bytes]:
        yield MAIL

    return chunks()


def test_the_description_is_valid_openapi() -> None:
    validate(described())


@pytest.mark.timeout(300)  # half a minute on an idle machine
async def test_the_door_does_what_the_description_says(tmp_path: Path) -> None:
    mailbox = "photos@newsroom.example"  # the one of the description's examples
    settings = HttpSettings(keys=KEYS, watchers={"desk-app": frozenset({mailbox})})
    async with open_door(
        tmp_path,
        settings,
        check_callback=only_described_callbacks(),
        mailboxes=defaultdict(lambda: fetch),  # others than the watched one are refused
    ) as door:
        program = Path(sys.executable).with_name("schemathesis")
        arguments = (
            *("run", DESCRIPTION, "--url", door.url, "--header", f"Authorization: Bearer {KEY}"),
            *("--checks", "all", "--mode", "all", "--max-examples", "10"),
            *("--generation-deterministic", "--no-color"),
        )
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks",
            "PYTHONPATH": str(PROJECT),
        }
        run = await asyncio.create_subprocess_exec(
            program, *arguments, cwd=tmp_path, env=environment, stdout=PIPE, stderr=STDOUT
        )
        output, _ = await run.communicate()
    assert run.returncode == 0, output.decode("utf-8", "replace")[-20_000:]
