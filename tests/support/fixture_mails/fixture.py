"""A fixture mail and its golden twin."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A photo or video that must be taken, byte for byte."""

    file_name: str
    content: bytes
    media_type: str = "image/jpeg"

    def told(self) -> dict[str, str]:
        """Its entry in the twin."""
        return {
            "file_name": self.file_name,
            "kind": "photo" if self.media_type.startswith("image/") else "video",
            "media_type": self.media_type,
            "sha256": hashlib.sha256(self.content).hexdigest(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """A mail under ``<group>/<oddity>``, and what must come of it.

    `left_out` holds file names and reasons; `linked` names, sizes and hosts; `no_answer` is the
    reason why the mail gets no answer, empty when it gets one.
    """

    name: str
    raw: bytes
    media: tuple[Taken, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    linked: tuple[tuple[str, int, str], ...] = ()
    no_answer: str = ""
    defects_at_least: int = 0

    def twin(self) -> bytes:
        """The expectation as the JSON file beside the mail."""
        told: dict[str, Any] = {
            "media": [one.told() for one in self.media],
            "left_out": [{"file_name": name, "reason": why} for name, why in self.left_out],
            "linked": [
                {"file_name": name, "size": size, "host": host} for name, size, host in self.linked
            ],
            "answer": self.no_answer or True,
            "defects_at_least": self.defects_at_least,
        }
        return json.dumps(told, indent=2, ensure_ascii=False).encode() + b"\n"
