"""Which files the rules of a .funcignore leave out. They are those of gitignore(5)."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    pattern: re.Pattern[str]
    takes_back: bool  # "!": what an earlier rule left out goes along after all
    folders_only: bool

    @classmethod
    def read(cls, line: str) -> Self:
        takes_back = line.startswith("!")
        text = line.removeprefix("!").removeprefix("\\")
        folders_only = text.endswith("/")
        text = text.rstrip("/")
        # A slash at the beginning or in the middle ties a rule to the folder of the file; any
        # other rule holds at every depth.
        text = text.removeprefix("/") if "/" in text else f"**/{text}"
        pattern = glob.translate(text, recursive=True, include_hidden=True, seps="/")
        return cls(pattern=re.compile(pattern), takes_back=takes_back, folders_only=folders_only)


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules of one file, in order: the last one that fits decides."""

    rules: tuple[_Rule, ...]

    @classmethod
    def read(cls, file: Path) -> Self:
        """The rules of a file."""
        lines = (line.rstrip() for line in file.read_text(encoding="utf-8").splitlines())
        return cls(tuple(_Rule.read(line) for line in lines if line and line[0] != "#"))

    def ignores(self, path: PurePosixPath, *, is_folder: bool = False) -> bool:
        """Whether a path, relative to the rules' folder, is left out."""
        parents = [(parent, True) for parent in reversed(path.parents[:-1])]
        # Nothing in an ignored folder can be taken back.
        return any(self._decides(each, folder) for each, folder in [*parents, (path, is_folder)])

    def kept_files(self, folder: Path) -> Iterator[PurePosixPath]:
        """Every file below a folder that goes along, relative to it."""
        for root, folders, files in folder.walk():
            here = PurePosixPath(root.relative_to(folder).as_posix())
            folders[:] = sorted(it for it in folders if not self._decides(here / it, folder=True))
            yield from (here / it for it in sorted(files) if not self._decides(here / it))

    def _decides(self, path: PurePosixPath, folder: bool = False) -> bool:
        fitting = (
            rule
            for rule in reversed(self.rules)
            if (folder or not rule.folders_only) and rule.pattern.match(path.as_posix())
        )
        last = next(fitting, None)
        return last is not None and not last.takes_back
