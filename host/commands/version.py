"""mail-ingest --version: which release this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from host.terminal import say
from shared.errors import IngestError

_PACKAGE = "mail-ingest"


def say_version() -> int:
    """Print it, as the installed package says it."""
    try:
        say(f"{_PACKAGE} {version(_PACKAGE)}")
    except PackageNotFoundError as exc:
        raise IngestError(
            "The version is not known, because this copy runs without being installed; pip install"
            " it, or look at pyproject.toml."
        ) from exc
    return 0
