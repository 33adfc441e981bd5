"""What is in the package, and that nothing is missing that somebody imports later."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from host.azure_imports import late_imports
from scripts.stage_package import MOST_FILES, MOST_ZIPPED_MB, PACKAGES
from shared.settings.azure import AzureSettings

if TYPE_CHECKING:
    from tests.fakes.functions_host.package import StagedPackage

PROJECT = Path(__file__).parents[2]
GRAPH_TESTS = (
    "tests/contract/test_mailbox.py",
    "tests/contract/test_reply_channel.py",
    "tests/unit/adapters/azure/test_mailbox.py",
    "tests/unit/adapters/azure/test_graph_subscription.py",
)
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
EVERYTHING = {
    "MAIL_INGEST_GRAPH_MAILBOX": "tips@newsroom.example",
    "MAIL_INGEST_SERVICE_BUS_TOPIC": "completed",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=0",
}
ONLY_IN_CONTAINERS = {"durabletask.azuremanaged.client", "durabletask.azuremanaged.worker"}


def test_it_is_small_enough_to_be_deployed(package: StagedPackage) -> None:
    size = package.size
    assert size is not None
    sys.stdout.write(f"the package: {size}\n")
    assert size.files <= MOST_FILES
    assert size.zipped_megabytes <= MOST_ZIPPED_MB


def test_models_and_licences_go_along_and_the_rules_do_not(package: StagedPackage) -> None:
    folder = PROJECT / "describer"
    for file in (*folder.glob("models/*"), *folder.glob("licences/*")):
        if file.is_file():
            staged = package.app / file.relative_to(PROJECT)
            assert staged.read_bytes() == file.read_bytes()
    assert not {".funcignore", "tests", "docs"} & {it.name for it in package.app.iterdir()}


@pytest.mark.parametrize("placement", ["container_instances", "container_apps"])
def test_what_is_imported_late_is_there(package: StagedPackage, placement: str) -> None:
    settings = AzureSettings.read(EVERYTHING | {"MAIL_INGEST_JOBS_PLACEMENT": placement})
    modules = set(late_imports(settings)) - ONLY_IN_CONTAINERS
    program = f"import sys; [__import__(each) for each in {sorted(modules)!r}]; print(*sys.path)"
    run = subprocess.run(  # noqa: S603
        [package.python, "-c", program],
        cwd=package.app,
        env=package.environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert str(PROJECT) not in run.stdout


def test_the_mailbox_works_with_what_is_left_of_the_graph_library(package: StagedPackage) -> None:
    """PYTHONPATH comes before the packages of the environment, and msgraph is one package."""
    run = subprocess.run(  # noqa: S603
        [*PYTEST, *GRAPH_TESTS],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(package.app / PACKAGES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:]
    assert " passed" in run.stdout
