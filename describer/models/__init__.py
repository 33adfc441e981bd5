"""The weights of the local models, and the one way to load them: checked against their hashes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

from shared.errors import IngestError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


class ModelDamagedError(IngestError):
    """A model file is missing, or is not the one that we ship."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"The model file {file} {problem}. Install mail_ingest again.")
        self.file = file


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One entry of manifest.toml; `classes` is a file with one class name a line, in order."""

    file: str
    sha256: str
    id: str
    licence: str
    source: str
    package: str = ""
    classes: str = ""

    def read(self) -> bytes:
        """The weights. Raises ModelDamagedError when they are not the ones of the manifest."""
        try:
            weights = self._folder().joinpath(self.file).read_bytes()
        except (OSError, ModuleNotFoundError) as exc:
            raise ModelDamagedError(self.file, "cannot be read") from exc
        if hashlib.sha256(weights).hexdigest() != self.sha256:
            raise ModelDamagedError(self.file, "is not the one that we ship")
        return weights

    def class_names(self) -> tuple[str, ...]:
        """The class names by index; "-" where the model has a gap."""
        return tuple(_here().joinpath(self.classes).read_text(encoding="utf-8").splitlines())

    def _folder(self) -> Traversable:
        return resources.files(self.package) if self.package else _here()


@cache
def manifest() -> dict[str, ModelFile]:
    """What manifest.toml says, by the use of the model."""
    return msgspec.toml.decode(
        _here().joinpath("manifest.toml").read_bytes(), type=dict[str, ModelFile]
    )


def vocabulary() -> frozenset[str]:
    """Every word that the shipped models may say of a picture, in lower case."""
    named = (model for model in manifest().values() if model.classes)
    return frozenset(name.lower() for model in named for name in model.class_names()) - {"-"}


def load_session(model: ModelFile) -> Any:
    """An onnxruntime session on one thread: there is one describer process per core.

    Spinning is off, because an idle describer must not burn the core of its neighbours.
    """
    runtime: Any = onnxruntime  # it carries no types
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return runtime.InferenceSession(
        model.read(), sess_options=options, providers=["CPUExecutionProvider"]
    )


def _here() -> Traversable:
    return resources.files(__name__)
