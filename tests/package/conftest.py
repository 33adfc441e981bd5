"""The Functions app as it is published, staged once for a run of the tests."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from scripts.stage_package import NoRegistryError, stage
from tests.fakes.functions_host.package import StagedPackage
from tests.fakes.functions_host.program_on_package import WHERE
from tests.support.webhooks import Webhooks, receiving_webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> StagedPackage:
    if sys.platform != "linux":
        pytest.skip("the package is for Linux")
    folder = tmp_path_factory.mktemp("package")
    try:
        size = stage(folder / "app")
    except NoRegistryError:
        pytest.skip("no registry answers: the package cannot be made")
    return StagedPackage.beside(folder / "app", folder, size)


@pytest.fixture
def functions_program(package: StagedPackage) -> tuple[str, Mapping[str, str]]:
    """The host's program around the package, and where that is."""
    where = "\n".join(map(str, (package.app, package.python, package.worker_library)))
    return "tests.fakes.functions_host.program_on_package", {WHERE: where}


@pytest.fixture
def webhooks() -> Iterator[Webhooks]:
    with receiving_webhooks() as receiver:
        yield receiver
