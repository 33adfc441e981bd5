"""Stages the Functions app as it is published: ``make package`` leaves it in dist/functions.

The app's own files are those that .funcignore lets through. The packages of requirements.txt lie in
the folder where the Functions host looks for them, without what the app cannot reach, and compiled:
there the app's folder cannot be written, so that each cold start would compile them again. Nothing
is left for the host to ignore, so no .funcignore goes along; tools would apply it to the packages.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import py_compile
import shutil
import subprocess
import sys
import zlib
from collections import deque
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))  # a script's own folder is all that Python adds

from scripts.ignore_rules import IgnoreRules  # noqa: E402
from scripts.prune_packages import fingerprint, prune  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

PACKAGES = Path(".python_packages/lib/site-packages")
HOST_PLATFORM = "x86_64-manylinux_2_28"  # Flex Consumption: Debian 12 on x86_64
MOST_FILES = 15_000
MOST_ZIPPED_MB = 150.0
_CACHE = PROJECT / "build" / "functions"
_LOCK = PROJECT / "requirements.txt"
_DECIDING = ("stage_package", "prune_packages")
_UNREACHABLE = ("Failed to fetch", "error sending request", "dns error", "timed out")


class PackageError(Exception):
    """The package cannot be made; the text says why, as a sentence."""


class NoRegistryError(PackageError):
    """The packages cannot be had: no registry answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of a folder: how many files, how many MB, and how many when each file is zipped."""

    files: int
    megabytes: float
    zipped_megabytes: float

    def __add__(self, other: Self) -> Size:
        return Size(
            files=self.files + other.files,
            megabytes=self.megabytes + other.megabytes,
            zipped_megabytes=self.zipped_megabytes + other.zipped_megabytes,
        )

    def __str__(self) -> str:
        return (
            f"{self.files:,} files, {self.megabytes:.0f} MB, {self.zipped_megabytes:.0f} MB zipped"
        )


def stage(target: Path) -> Size:
    """Make `target` the package; its size. Raises PackageError."""
    shutil.rmtree(target, ignore_errors=True)
    ours = copy_app(target)
    _compile(target / path for path in ours if path.suffix == ".py")
    size = measure(target)
    packages = _cached_packages(target)
    shutil.copytree(packages, target / PACKAGES, copy_function=_link)
    return size + Size(**json.loads(_size_file(packages).read_text()))


def copy_app(target: Path) -> tuple[PurePosixPath, ...]:
    """Copy what .funcignore lets through; the paths of that."""
    paths = tuple(IgnoreRules.read(PROJECT / ".funcignore").kept_files(PROJECT))
    for path in paths:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / path, target / path)
    return paths


def measure(folder: Path) -> Size:
    """How large a folder is."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    with ThreadPoolExecutor() as pool:
        zipped = sum(pool.map(_zipped_bytes, files))
    return Size(
        files=len(files),
        megabytes=sum(file.stat().st_size for file in files) / 1e6,
        zipped_megabytes=zipped / 1e6,
    )


def _zipped_bytes(file: Path) -> int:
    return len(zlib.compress(file.read_bytes()))


def _cached_packages(app: Path) -> Path:
    """The pruned packages, made once for each lock file and all that our sources import. Raises
    PackageError.
    """
    made = _CACHE / _key(app)
    with _alone(_CACHE):
        if not made.exists():
            for old in _CACHE.glob("*/"):
                shutil.rmtree(old)
                _size_file(old).unlink(missing_ok=True)
            fresh = made.with_suffix(".new")
            _install(fresh)
            _compile(prune(fresh, app).reached)
            _size_file(made).write_text(json.dumps(asdict(measure(fresh))))
            fresh.rename(made)
    return made


def _size_file(packages: Path) -> Path:
    """Where the size of cached packages is kept: to measure it takes ten seconds and more."""
    return packages.with_suffix(".size.json")


def _key(app: Path) -> str:
    """Changes with all that decides what the packages are."""
    scripts = (Path(__file__).with_name(f"{it}.py") for it in _DECIDING)
    known = hashlib.sha256(f"{sys.version} {HOST_PLATFORM} {fingerprint(app)}".encode())
    for file in (_LOCK, *scripts):
        known.update(file.read_bytes())
    return known.hexdigest()[:16]


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """One process at a time: tests run in several."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(target: Path) -> None:
    """What ``pip install --target`` does, by uv: it takes a tenth of the time. Raises
    PackageError.
    """
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(target)]
    command += ["--python", sys.executable, "--python-version", "3.13"]
    command += ["--python-platform", HOST_PLATFORM, "--link-mode", "copy", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--requirement", str(_LOCK)]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode:
        said = installed.stderr.strip()
        missing = any(sign in said for sign in _UNREACHABLE)
        kind = NoRegistryError if missing else PackageError
        raise kind(f"The packages of {_LOCK.name} cannot be installed: {said}")


def _compile(modules: Iterable[Path]) -> None:
    """Compile modules, and let nobody look at the times of the sources: a zip rounds them."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    with ProcessPoolExecutor() as pool:
        compiled = partial(py_compile.compile, quiet=2, invalidation_mode=unchecked)
        deque(pool.map(compiled, modules, chunksize=64), maxlen=0)


def _link(source: str, target: str) -> None:
    """A hard link is enough of a copy: nobody writes into the package."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def main() -> int:
    """Stage it, and say how large it is."""
    target = PROJECT / "dist" / "functions"
    if platform.python_version_tuple()[:2] != ("3", "13"):
        sys.exit("Python 3.13 is needed: the package holds compiled modules.")
    try:
        size = stage(target)
    except PackageError as exc:
        print(exc, file=sys.stderr)
        return 1
    print(f"dist/functions: {size}")
    too_large = size.files > MOST_FILES or size.zipped_megabytes > MOST_ZIPPED_MB
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main())
