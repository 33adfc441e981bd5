"""EUC-JP and ISO-2022-JP as mailers in Japan write them: with the characters of Windows.

Both standards hold JIS X 0208 alone. Windows added circled digits, Roman numerals and units to it
(rows 13, 89 to 92 and 115 to 119), and mailers send those, and half-width katakana, under the
standards' names (RFC 1468 forbids both). Python's codecs refuse the whole text; here every
character goes by way of cp932, which has them, and what is unknown costs one character.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A pair of EUC-JP, one of JIS X 0212 behind SS3, or half-width katakana behind SS2.
_JIS_X_0208 = re.compile(rb"[\xa1-\xfe]{2}")
_EUC_CHARACTER = re.compile(rb"[\xa1-\xfe]{2}|\x8f[\xa1-\xfe]{2}|\x8e[\xa1-\xdf]")
_ESCAPE = re.compile(rb"\x1b(\$\([@BD]|\$[@B]|\([BJIH]|&@)")
_SHIFT_OUT = re.compile(rb"\x0e([^\x0f\x1b]*)\x0f?")  # JIS X 0201 of 7 bits: half-width katakana
_TWO_BYTES = (b"$@", b"$B", b"$(@", b"$(B")
_JIS_X_0212 = b"$(D"
_KATAKANA = b"(I"
_HIGH_BITS_RAISED = bytes(byte | 0x80 if byte > 0x20 else byte for byte in range(256))


def decode_euc_jp(data: bytes) -> str:
    """Text in EUC-JP; never fails, an unknown character becomes U+FFFD."""
    out: list[str] = []
    position = 0
    for match in _EUC_CHARACTER.finditer(data):
        out.append(data[position : match.start()].decode("ascii", "replace"))
        out.append(_from_euc(match[0]))
        position = match.end()
    out.append(data[position:].decode("ascii", "replace"))
    return "".join(out)


def decode_iso_2022_jp(data: bytes) -> str:
    """Text in ISO-2022-JP, with every set that mailers switch to; never fails."""
    out: list[str] = []
    position, chosen = 0, b"(B"
    for match in _ESCAPE.finditer(data):
        out.append(_from_set(chosen, data[position : match.start()]))
        position, chosen = match.end(), match[1] if match[1] != b"&@" else chosen
    out.append(_from_set(chosen, data[position:]))
    return "".join(out)


def _from_set(chosen: bytes, data: bytes) -> str:
    if chosen == _KATAKANA:
        return data.translate(_HIGH_BITS_RAISED).decode("cp932", "replace")
    if chosen in _TWO_BYTES or chosen == _JIS_X_0212:
        return "".join(_from_pairs(line, chosen) for line in re.split(rb"(?<=\n)", data))
    shifted = _SHIFT_OUT.sub(lambda run: run[1].translate(_HIGH_BITS_RAISED), data)
    return shifted.decode("cp932", "replace")  # ASCII, and katakana of 8 bits


def _from_pairs(line: bytes, chosen: bytes) -> str:
    """A line of a two-byte set; its end is one byte, as RFC 1468 has it back in ASCII there."""
    text = line.rstrip(b"\r\n")
    pairs = text.translate(_HIGH_BITS_RAISED)
    lead = b"\x8f" if chosen == _JIS_X_0212 else b""
    shown = "".join([_from_euc(lead + pairs[at : at + 2]) for at in range(0, len(pairs), 2)])
    return shown + line[len(text) :].decode("ascii")


@lru_cache(maxsize=1 << 14)  # 2 MB; the pairs of a megabyte take 0.2 s by it
def _from_euc(character: bytes) -> str:
    """One character of EUC-JP, by way of cp932 where JIS X 0208 and Windows have it."""
    if _JIS_X_0208.fullmatch(character):
        return _shift(character).decode("cp932", "replace")
    return character.decode("euc_jp", "replace")


def _shift(pair: bytes) -> bytes:
    """A pair of EUC-JP in Shift_JIS: two rows of 94 cells lie in one of 188."""
    row, cell = pair[0] - 0xA1, pair[1] - 0xA1
    lead = row // 2 + (0x81 if row < 62 else 0xC1)
    trail = cell + 0x9F if row % 2 else cell + 0x40 + (cell >= 63)
    return bytes((lead, trail))


DECODERS: Mapping[str, Callable[[bytes], str]] = {
    "euc_jp": decode_euc_jp,
    **dict.fromkeys(("iso2022_jp", "iso2022_jp_1", "iso2022_jp_2"), decode_iso_2022_jp),
}
