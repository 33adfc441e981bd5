"""The HTTP door of the Functions app does what openapi.yaml says, behind the Functions host too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.described_door import take_described_callbacks
from tests.support.functions_process import FunctionsProcess
from tests.support.http_door import KEYS
from tests.support.schemathesis_run import schemathesis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FunctionsProcess]:
    keys = ",".join(f"{client}={digest}" for client, digest in KEYS.items())
    settings = {"MAIL_INGEST_KEYS": keys, "MAIL_INGEST_MAX_MEDIA_BYTES": str(10**15)}
    process = FunctionsProcess(tmp_path, settings, prepare=take_described_callbacks)
    process.start()
    process.wait_until_ready()
    yield process
    process.kill()


@pytest.mark.timeout(300)  # half a minute on an idle machine
async def test_the_app_does_what_the_description_says(
    app: FunctionsProcess, tmp_path: Path
) -> None:
    # A method that no function is bound to is the host's business: it says 404.
    options = ("--exclude-checks", "unsupported_method")
    await schemathesis(app.url, tmp_path, *options, examples=5)
