"""How much of a message is read: beyond a limit reading stops, and a defect names the limit."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one message with everything nested in it. All sizes are bytes.

    The defaults take every honest mail that we know of, and keep a hostile one from costing more
    than its transfer.
    """

    parts: int = 10_000  # parts of every kind, containers too
    depth: int = 32  # containers inside containers
    header_bytes: int = _MIB  # one header block
    header_lines: int = 20_000  # lines of one header block, with what is skipped before it
    headers_bytes: int = 8 * _MIB  # all header blocks together
    boundary_bytes: int = 1_000  # RFC 2046 5.1.1 allows 70; mailers exceed it
    decoded_bytes: int = 4 << 30  # what all parts decode to, together
    # Of one .msg or Sun body, which is held in memory to be opened; of what a compressed S/MIME
    # body inflates to; and of one attribute of TNEF that describes an attachment.
    container_bytes: int = 64 * _MIB
