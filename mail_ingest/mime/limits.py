"""How much of one message is read. Beyond a limit reading stops, and what came before is kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds for one message; sizes are bytes. The defaults take every mail that people send."""

    max_parts: int = 2_000
    max_depth: int = 50  # multiparts and messages within each other
    max_header_lines: int = 2_000  # of one part
    max_header_bytes: int = 512 * 1024  # of one part
    max_boundary_bytes: int = 1_000  # RFC 2046 section 5.1.1 allows 70; real mail has more
    max_decoded_bytes: int = 512 * 1024 * 1024  # of all parts together
    max_opened_bytes: int = 128 * 1024 * 1024  # a part that must be whole to be opened (TNEF, CMS)
