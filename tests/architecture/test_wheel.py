"""The wheel: built for real, and compared with what lies in the packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

PROJECT = Path(__file__).parents[2]
PACKAGES = ("adapters", "describer", "host", "http_intake", "mail_ingest", "shared")
# What images are built from: no program reads them.
OF_THE_IMAGES = {
    "describer/Dockerfile",
    "describer/requirements.in",
    "describer/requirements.txt",
    "http_intake/Dockerfile",
}
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(tmp_path: Path) -> None:
    lying_there = {
        path.relative_to(PROJECT).as_posix()
        for package in PACKAGES
        for path in (PROJECT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with ZipFile(build_wheel(tmp_path)) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == lying_there - OF_THE_IMAGES, "see package-data in pyproject.toml"


def build_wheel(folder: Path) -> Path:
    """Build beside the project, which only lends its files: a build leaves folders behind."""
    for name in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE"):
        (folder / name).symlink_to(PROJECT / name)
    built = subprocess.run(  # noqa: S603
        [sys.executable, "-c", BUILD, "dist"], cwd=folder, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("dist/*.whl")
    return wheel
