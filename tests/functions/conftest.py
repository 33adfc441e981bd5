"""A Functions app that runs, and somewhere to send webhooks to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.functions_process import FunctionsProcess
from tests.support.webhooks import Webhooks, receiving_webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@pytest.fixture
def webhooks() -> Iterator[Webhooks]:
    with receiving_webhooks() as receiver:
        yield receiver


@pytest.fixture
def functions_program() -> tuple[str, Mapping[str, str]]:
    """The host's program on services, and settings of its own."""
    return "tests.fakes.functions_host.program_on_services", {}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FunctionsProcess]:
    process = FunctionsProcess(tmp_path)
    process.start()
    process.wait_until_ready()
    yield process
    process.kill()
