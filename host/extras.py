"""The extras of the package: what to run where one is needed and is not installed."""

from __future__ import annotations

import shlex
import sys
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def install_extra(extra: str, root: Path = _ROOT) -> str:
    """A sentence with the command. The package is on no index, so it is installed from where it
    came from: the checkout that `root` is, or else the wheel.
    """
    pip = f"{shlex.quote(sys.executable)} -m pip install"
    if (root / "pyproject.toml").is_file():
        return f"install the packages for it: {pip} -e {shlex.quote(f'{root}[{extra}]')}"
    wheel = f"mail_ingest-{version('mail-ingest')}-py3-none-any.whl"
    return (
        "install the packages for it, from the folder where the wheel lies:"
        f" {pip} {shlex.quote(f'./{wheel}[{extra}]')}"
    )
