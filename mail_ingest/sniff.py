"""A file's true type, read from its first bytes; the name and the declared type are mere claims.

libmagic does the work. Two checks of our own come first, because libmagic misses MPEG transport
streams and is unsure about the newer ftyp brands. Not here: what we do with a type
(`mail_ingest.attachments`), and opening files.
"""

from __future__ import annotations

import struct
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from shared.errors import SettingsError

if TYPE_CHECKING:
    import magic

HEAD_BYTES = 4096
OCTET_STREAM = "application/octet-stream"

# ISO base media file format, major brands (mp4ra.org). Only those that libmagic calls otherwise.
_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"qt  ": "video/quicktime",
    b"crx ": "image/x-canon-cr3",
}
_GENERIC_IMAGE_BRANDS = (b"mif1", b"msf1")
_SAME_TYPE = {
    "image/x-ms-bmp": "image/bmp",
    "video/x-ms-asf": "video/x-ms-wmv",
    "video/3gpp2": "video/3gpp",
}
_MISSING = (
    "it is missing, and without it no file's true type can be told. Install the system package"
    " libmagic1 (Debian), file-libs (Fedora) or libmagic (Homebrew), or the Python package"
    " pylibmagic."
)
_NO_DATABASE = "its database of types cannot be read. Install the package libmagic1 again."
_ASF_VIDEO_STREAM = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_DNG_VERSION = 0xC612  # DNG specification 1.6, tag DNGVersion: every DNG has it in IFD 0


def sniff(head: bytes) -> str:
    """The media type of the content that starts with `head` (4 KB are enough).

    Safe to call from any thread. `OCTET_STREAM` when nothing is recognised. Raises SettingsError
    when the machine has no libmagic.
    """
    if found := _mpeg_transport_stream(head) or _ftyp(head):
        return found
    found = _libmagic().from_buffer(head[:HEAD_BYTES])
    if found == "image/tiff" and _is_dng(head):
        return "image/x-adobe-dng"
    if found == OCTET_STREAM and head[4:8] == b"ftyp":
        return "video/mp4"  # a brand that this libmagic does not know
    if found == "video/x-ms-asf" and _ASF_VIDEO_STREAM not in head:
        return "audio/x-ms-wma"
    return _SAME_TYPE.get(found, found)


def require_libmagic() -> None:
    """Load libmagic now; raises SettingsError, which says what to install."""
    _libmagic()


@cache
def _libmagic() -> magic.Magic:
    """One handle for the process; python-magic serialises its use by a lock (0.1 ms a call)."""
    try:
        _find_library()
        import magic
    except (ImportError, OSError) as exc:
        raise SettingsError("libmagic", _MISSING) from exc
    try:
        return magic.Magic(mime=True)
    except magic.MagicException as exc:
        raise SettingsError("libmagic", _NO_DATABASE) from exc


def _find_library() -> None:
    """Make libmagic loadable: the machine's, else the one that pylibmagic carries."""
    try:
        import_module("magic")
    except ImportError:
        import_module("pylibmagic")  # from now on ctypes finds its copy


def _mpeg_transport_stream(head: bytes) -> str:
    """ISO/IEC 13818-1: packets of 188 bytes that start with 0x47; of 192, with the time code of
    M2TS, from byte 4.
    """
    for start, step in ((0, 188), (4, 192)):
        syncs = head[start:HEAD_BYTES:step]
        if len(syncs) >= 3 and not syncs.strip(b"\x47"):
            return "video/mp2t"
    return ""


def _ftyp(head: bytes) -> str:
    """The type that the brands of an ISO base media file tell, where libmagic is unsure."""
    if head[4:8] != b"ftyp":
        return ""
    major = head[8:12]
    if major in _GENERIC_IMAGE_BRANDS:
        length = min(int.from_bytes(head[:4]), 256)
        compatible = [head[at : at + 4] for at in range(16, length, 4)]
        major = next(
            (b for b in compatible if b in _BRANDS and b not in _GENERIC_IMAGE_BRANDS), major
        )
    return _BRANDS.get(major, "")


def _is_dng(head: bytes) -> bool:
    """Whether IFD 0 of a TIFF has the tag DNGVersion; False when it lies beyond the head."""
    order = "<" if head[:2] == b"II" else ">"
    try:
        (offset,) = struct.unpack_from(f"{order}I", head, 4)
        (count,) = struct.unpack_from(f"{order}H", head, offset)
        entries = range(offset + 2, offset + 2 + 12 * count, 12)
        return any(struct.unpack_from(f"{order}H", head, at)[0] == _DNG_VERSION for at in entries)
    except struct.error:
        return False
