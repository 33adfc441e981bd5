"""Leaves out of installed packages what the published Functions app cannot reach.

Three rules, which docs/azure.md repeats for people:

1. A package goes when no import that the app can reach leads to it, and no package that stays asks
   for it: the command line's, the SMTP listener's, build tools.
2. Of msgraph-sdk (16,000 generated modules) only modules stay that our calls can reach. Its request
   builders import the next one in the property of that name, so such an import counts when our code
   asks an object for a property of that name. All other packages stay whole.
3. Files that no program reads go everywhere: see NEVER_READ.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import deque
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PROGRAMS = ("function_app", "describer.__main__")
PRUNED_BY_MODULE = "msgraph"
# Imports that never happen: the command line of httpx, and what yarl offers to users of pydantic.
NEVER_IMPORTED = frozenset({"httpx._main", "pydantic_core", "pydantic_core.core_schema"})
NEVER_READ = (
    "*/tests/*",  # the packages' own
    *("*.pyi", "*.pxd", "*.pyx", "*.h", "*.hpp", "*.c", "*.cpp", "*.a"),  # for compilers
    "msgraph/generated/kiota-dom-export.txt",  # 37 MB: what the generator was told
    "onnxruntime/capi/libonnxruntime.so.*",  # 35 MB for programs in C; Python's module needs none
    *(f"onnxruntime/{it}/*" for it in ("quantization", "tools", "transformers")),  # make models
    "*.dist-info/RECORD",  # of installers
    "bin/*",  # command lines
    ".lock",  # of the installer
)
_CALLS_GRAPH = re.compile(r"\b(?:msgraph|kiota|[Gg]raph)")
_IMPORTED_BY_NAME = re.compile(rb"(?:import_module|__import__)\(\s*[\"']([\w.]+)[\"']")
_REQUIRED_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """The packages that went whole, and the files of the modules that the app can reach."""

    gone: tuple[str, ...]
    reached: tuple[Path, ...]


def prune(packages: Path, app: Path) -> Pruned:
    """Delete what the app at `app` does not reach."""
    graph = _import_graph(app, packages)
    reached = {graph.files[module] for module in graph.reach(*PROGRAMS)}
    distributions = {
        _normalised(it.name): it for it in metadata.distributions(path=[str(packages)])
    }
    files = {
        name: [packages / str(file) for file in it.files or ()]
        for name, it in distributions.items()
    }
    kept = _with_requirements(
        (name for name in files if reached.intersection(files[name])), distributions
    )
    gone = sorted(files.keys() - kept)
    unread = [file for name in gone for file in files[name]]
    unread += (file for file in (packages / PRUNED_BY_MODULE).rglob("*.py") if file not in reached)
    unread += (file for file in packages.rglob("*") if _is_never_read(file.relative_to(packages)))
    _delete(unread, packages)
    return Pruned(gone=tuple(gone), reached=tuple(file for file in reached if file.exists()))


def fingerprint(app: Path) -> str:
    """Changes with whatever in the app's sources decides what is reached."""
    graph = _import_graph(app)
    found = [f"{module} {it.module}" for module in graph.files for it in graph.imports(module)]
    return hashlib.sha256("\n".join(sorted({*found, *_asked_of_graph(app)})).encode()).hexdigest()


def _import_graph(app: Path, *packages: Path) -> ImportGraph:
    asked = _asked_of_graph(app)

    def can_happen(module: str, statement: Import) -> bool:
        if statement.module in NEVER_IMPORTED:
            return False
        generated = module.partition(".")[0] == PRUNED_BY_MODULE
        return not generated or not statement.where or statement.where in asked

    return ImportGraph((app, *packages), can_happen)


def _asked_of_graph(app: Path) -> set[str]:
    """The names that our code asks objects for, where it calls Microsoft Graph."""
    ours = sorted(app.rglob("*.py"))
    calls = [file for file in ours if _CALLS_GRAPH.search(file.read_text(encoding="utf-8"))]
    return set[str]().union(*(_attributes(file) for file in calls))


def _with_requirements(
    names: Iterable[str], distributions: dict[str, metadata.Distribution]
) -> set[str]:
    """Packages and what they ask for: compiled code and entry points import out of our sight."""
    kept, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name in kept or name not in distributions:
            continue
        kept.add(name)
        for requirement in distributions[name].requires or ():
            found = _REQUIRED_NAME.match(requirement)
            if found and "extra ==" not in requirement:
                waiting.append(_normalised(found[0]))
    return kept


def _is_never_read(path: Path) -> bool:
    text = path.as_posix()
    return any(fnmatch(text, pattern) for pattern in NEVER_READ)


def _delete(files: Iterable[Path], packages: Path) -> None:
    """Files, and the folders that they leave empty."""
    for file in files:
        if file.is_file() and file.resolve().is_relative_to(packages.resolve()):
            file.unlink()
    for root, folders, _ in packages.walk(top_down=False):
        for folder in folders:
            if not any((root / folder).iterdir()):
                (root / folder).rmdir()


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True)
class Import:
    """A module that may be meant by an import statement. `where` is the innermost function that
    the statement stands in, or "" on the module's own level.
    """

    module: str
    where: str


class ImportGraph:
    """Which modules a program can import: followed through its source, without running it.

    Of some folders the first that has a module wins, as in sys.path. `follows` says of a module and
    an import of it whether the import can happen.
    """

    def __init__(self, folders: Iterable[Path], follows: Callable[[str, Import], bool]) -> None:
        self.files = dict[str, "Path"]()
        for folder in folders:
            for file in folder.rglob("*.py"):
                self.files.setdefault(_module_name(file.relative_to(folder)), file)
        self._follows = follows

    def reach(self, *programs: str) -> set[str]:
        """The programs' modules and all that they import, at whatever time."""
        found, waiting = set[str](), deque(programs)
        while waiting:
            module = waiting.popleft()
            if module in found or module not in self.files:
                continue
            found.add(module)
            waiting.extend(_packages_of(module))
            waiting.extend(it.module for it in self.imports(module) if self._follows(module, it))
        return found

    def imports(self, module: str) -> list[Import]:
        """What the source of a module imports."""
        file = self.files[module]
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        source = file.read_bytes()
        named = (Import(name.decode(), "") for name in _IMPORTED_BY_NAME.findall(source))
        return [*_imports(ast.parse(source).body, package), *named]


def _attributes(file: Path) -> set[str]:
    """Every name that a source file asks an object for."""
    tree = ast.parse(file.read_bytes())
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _imports(body: Iterable[ast.stmt], package: str, where: str = "") -> Iterator[Import]:
    """Those of statements and of the blocks within, but for what only a type checker sees."""
    for node in body:
        match node:
            case ast.Import():
                yield from (Import(alias.name, where) for alias in node.names)
            case ast.ImportFrom():
                base = _absolute(node, package)
                yield from (
                    Import(name, where)
                    for name in (base, *(f"{base}.{alias.name}" for alias in node.names))
                )
            case ast.If() if _is_for_type_checkers(node.test):
                yield from _imports(node.orelse, package, where)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _imports(node.body, package, node.name)
            case _:
                for block in ("body", "orelse", "handlers", "finalbody", "cases"):
                    yield from _imports(getattr(node, block, ()), package, where)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that ``from ..x import y`` names."""
    parts = package.split(".")[: -(node.level - 1) or None] if node.level else []
    return ".".join([*parts, *([node.module] if node.module else [])])


def _is_for_type_checkers(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in {getattr(test, "id", ""), getattr(test, "attr", "")}


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _packages_of(module: str) -> Iterator[str]:
    """The packages around a module: they are imported before it."""
    while "." in module:
        module = module.rpartition(".")[0]
        yield module
