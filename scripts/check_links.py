"""Checks that every relative link of the documents leads to a file, every anchor to a heading."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
SKIPPED = {".venv", "node_modules", ".git", "build", "dist"}


def main() -> int:
    """Print each broken link; exit 1 when there is one."""
    documents = [p for p in ROOT.rglob("*.md") if not SKIPPED & set(p.relative_to(ROOT).parts)]
    broken = [problem for document in sorted(documents) for problem in problems(document)]
    sys.stdout.writelines(f"{problem}\n" for problem in broken)
    sys.stdout.write(f"{len(documents)} documents, {len(broken)} broken links\n")
    return 1 if broken else 0


def problems(document: Path) -> list[str]:
    """The broken links of one document."""
    text = FENCE.sub("", document.read_text("utf-8"))
    name = document.relative_to(ROOT)
    targets = [first or second for first, second in LINK.findall(text)]
    return [f"{name}: {target}" for target in targets if not leads_somewhere(document, target)]


def leads_somewhere(document: Path, target: str) -> bool:
    """Whether a link has its file and its heading; links to other sites are not followed."""
    if re.match(r"[a-z]+:", target):
        return True
    path, _, anchor = target.partition("#")
    file = (document.parent / path) if path else document
    if not file.exists():
        return False
    return not anchor or anchor in {anchor_of(h) for h in HEADING.findall(file.read_text("utf-8"))}


def anchor_of(heading: str) -> str:
    """The anchor that a heading gets when it is rendered."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


if __name__ == "__main__":
    sys.exit(main())
