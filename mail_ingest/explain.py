"""The tree of a mail, with what `extract` does to each part and why: `mail-ingest extract
--explain`.

Beside it stands what the newsroom would make of each file by its content. Only what takes the whole
mail to tell (signature logos, duplicates, limits on their number) is left to the intake.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mail_ingest.attachments import why_refused
from mail_ingest.content import claims_of
from mail_ingest.extract import events_of, is_file
from mail_ingest.incoming import FileUnderWay
from mail_ingest.mime.events import (
    REFUSAL_SENTENCES,
    Container,
    DefectFound,
    PartData,
    PartEnded,
    PartStarted,
    Refusal,
)
from mail_ingest.mime.limits import Limits
from mail_ingest.sniff import HEAD_BYTES
from mail_ingest.visible import visible
from shared.model import LEFT_OUT_SENTENCES, Kind, LeftOutReason

if TYPE_CHECKING:
    from pathlib import Path

    from mail_ingest.mime.defects import Defect
    from mail_ingest.mime.events import Part

_DEFAULT_LIMITS = Limits()


class Fate(StrEnum):
    """What `extract` does to a part: the closed list. `FATE_SENTENCES` says each to a person."""

    DESCENDED = "descended"
    NAMED = "named"
    ATTACHED = "attached"
    NOT_TEXT = "not_text"
    TEXT = "text"
    REPORT = "report"
    POINTER = "pointer"
    UNSPLIT = "unsplit"


FATE_SENTENCES = {
    Fate.DESCENDED: "It holds other parts.",
    Fate.NAMED: "Taken: it has a file name.",
    Fate.ATTACHED: "Taken: it is sent as an attachment.",
    Fate.NOT_TEXT: "Taken: it is not text.",
    Fate.TEXT: "Left out: it is the text of the mail.",
    Fate.REPORT: "Left out: it is a report about a message, not a file.",
    Fate.POINTER: "Left out: it only says where its content lies.",
    Fate.UNSPLIT: "Left out: it is a multipart that cannot be split.",
}
_KIND_SENTENCES = {Kind.PHOTO: "A photo.", Kind.VIDEO: "A video."}


@dataclass(slots=True, kw_only=True)
class Node:
    """A part with what became of it; `children` in their order."""

    part: Part
    size: int = 0
    fate: Fate = Fate.DESCENDED
    refusal: Refusal | None = None
    true_type: str = ""  # by content; empty where nothing is taken
    news: Kind | LeftOutReason | None = None  # what the newsroom makes of it
    defects: list[Defect] = field(default_factory=list["Defect"])
    children: list[Node] = field(default_factory=list["Node"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The tree of one mail, and the defects that belong to no part."""

    root: Node
    defects: tuple[Defect, ...]


def explain(file: Path, limits: Limits = _DEFAULT_LIMITS) -> Explanation:
    """Read the mail in `file` and explain it; writes nothing. Raises OSError."""
    builder = _Builder()
    with file.open("rb", buffering=0) as raw:
        for events in events_of(raw, limits):
            for event in events:
                match event:
                    case PartStarted(part):
                        builder.start(part)
                    case PartData(part, data):
                        builder.data(part, data)
                    case PartEnded():
                        builder.end(event)
                    case DefectFound(defect):
                        builder.defects.append(defect)
    return builder.explanation()


def fate_of(part: Part) -> Fate:
    """What `extract` does to a part."""
    if part.is_container or part.container is Container.SUN_ATTACHMENT:
        return Fate.DESCENDED
    if part.refusal is Refusal.EXTERNAL_BODY:
        return Fate.POINTER
    if is_file(part):
        if part.file_name:
            return Fate.NAMED
        return Fate.ATTACHED if part.disposition == "attachment" else Fate.NOT_TEXT
    if part.media_type.startswith("multipart/"):
        return Fate.UNSPLIT
    return Fate.REPORT if part.media_type.startswith("message/") else Fate.TEXT


class _Builder:
    """Grows the tree from the events."""

    def __init__(self) -> None:
        self.defects: list[Defect] = []
        self._nodes: dict[Part, Node] = {}
        self._files: dict[Part, FileUnderWay] = {}
        self._root: Node | None = None

    def start(self, part: Part) -> None:
        node = self._nodes[part] = Node(part=part, fate=fate_of(part))
        if part.parent is None:
            self._root = node
        else:
            self._nodes[part.parent].children.append(node)

    def data(self, part: Part, data: bytes) -> None:
        file = self._file_of(part)
        file.size += len(data)
        if file.true_type:
            return
        file.head += data
        if len(file.head) >= HEAD_BYTES:
            file.judge()
            file.head = bytearray()

    def end(self, ended: PartEnded) -> None:
        part, refusal = ended.part, ended.refusal
        node = self._nodes[part]
        node.part, node.size, node.refusal = ended.final, ended.size, refusal
        file = self._file_of(part)
        del self._files[part]
        if is_file(part) and part.container is None:
            file.claim(claims_of(ended.final))
            reason = file.verdict(why_refused(refusal))
            node.true_type, node.news = file.true_type, reason or file.kind

    def _file_of(self, part: Part) -> FileUnderWay:
        if part not in self._files:
            self._files[part] = FileUnderWay(claims_of(part), len(self._files))
        return self._files[part]

    def explanation(self) -> Explanation:
        if self._root is None:
            raise RuntimeError("the reader told of no part")
        by_path = {node.part.path: node for node in self._nodes.values()}
        rest: list[Defect] = []
        for defect in self.defects:
            node = by_path.get(defect.part)
            (rest if node is None else node.defects).append(defect)
        return Explanation(root=self._root, defects=tuple(rest))


def render_explanation(explanation: Explanation) -> str:
    """The tree as text for a terminal, one part a line, what is wrong with it below."""
    lines = _render(explanation.root, "", "")
    lines += [f"! {defect.sentence} ({defect.clause})" for defect in explanation.defects]
    return "\n".join(lines)


def _render(node: Node, first: str, rest: str) -> list[str]:
    lines = [f"{first}{_line(node)}"]
    below = "│  " if node.children else "   "
    lines += [f"{rest}{below}! {each.sentence} ({each.clause})" for each in node.defects]
    for number, child in enumerate(node.children, start=1):
        last = number == len(node.children)
        branch, trunk = ("└─ ", "   ") if last else ("├─ ", "│  ")
        lines += _render(child, rest + branch, rest + trunk)
    return lines


def _line(node: Node) -> str:
    part = node.part
    words = [part.path, visible(part.media_type)]
    if part.file_name:
        words.append(f'"{visible(part.file_name)}"')
    if not part.is_container:
        words.append(f"{node.size:,} bytes")
    said = [FATE_SENTENCES[node.fate]]
    if node.children and not part.is_container:
        said.append("Opened: what it holds follows.")
    if node.refusal is not None and node.fate is not Fate.POINTER:
        said.append(REFUSAL_SENTENCES[node.refusal])
    elif isinstance(node.news, Kind):
        said.append(f"{_KIND_SENTENCES[node.news]} ({node.true_type})")
    elif node.news is not None:
        said.append(LEFT_OUT_SENTENCES[node.news])
    return f"{'  '.join(words)}  -  {' '.join(said)}"
