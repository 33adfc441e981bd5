"""File names that are safe to store under and to show, made from names that strangers chose.

Not here: decoding names out of header fields (`mail_ingest.mime`).
"""

from __future__ import annotations

import re
import unicodedata

from mail_ingest.visible import visible

MAX_BYTES = 120  # of UTF-8: fits every file system with room for a suffix
_MAX_EXTENSION_BYTES = 16
_EXTENSION = re.compile(r"\.[^\W_]{1,10}\Z")
_RESERVED_CHARACTERS = re.compile(r'[<>:"|?*]')  # refused by Windows
_RESERVED_STEMS = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
)
_EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/avif": ".avif",
    "image/tiff": ".tiff",
    "image/x-adobe-dng": ".dng",
    "image/bmp": ".bmp",
    "image/jp2": ".jp2",
    "video/mp4": ".mp4",
    "video/x-m4v": ".m4v",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
    "video/x-msvideo": ".avi",
    "video/3gpp": ".3gp",
    "video/mpeg": ".mpg",
    "video/mp2t": ".ts",
    "video/x-ms-wmv": ".wmv",
    "video/x-flv": ".flv",
}
# What else is written for a type, and means it.
_SYNONYMS = {
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "image/tiff": (".tiff", ".tif"),
    "image/heic": (".heic", ".heif", ".hif"),
    "image/heif": (".heif", ".heic", ".hif"),
    "image/jp2": (".jp2", ".j2k", ".jpf"),
    "video/mp4": (".mp4", ".m4v"),
    "video/quicktime": (".mov", ".qt"),
    "video/3gpp": (".3gp", ".3gpp", ".3g2"),
    "video/mpeg": (".mpg", ".mpeg", ".mpe", ".m2v"),
    "video/mp2t": (".ts", ".mts", ".m2ts"),
}
_MEDIA_EXTENSIONS = frozenset(_EXTENSIONS.values()).union(*_SYNONYMS.values())


def shown_name(name: str) -> str:
    """A name for people to read: without folders, control characters or direction marks; may be
    empty.
    """
    base = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return _shorten(unicodedata.normalize("NFC", visible(base)))


def safe_name(name: str, media_type: str) -> str:
    """A name for a file of `media_type`: what `shown_name` gives, never empty, no name that a file
    system refuses, and with an extension.
    """
    clean = _storable(name) or _storable(media_type.partition("/")[0]) or "file"
    if clean.partition(".")[0].lower() in _RESERVED_STEMS:
        clean = f"_{clean}"
    return _shorten(clean if _EXTENSION.search(clean) else clean + extension_of(media_type))


def stored_name(name: str, true_type: str) -> str:
    """What `safe_name` gives, with an extension of the type that the content has: whatever opens
    files by their extension takes it for a photo or a video, and never for a program.
    """
    safe = safe_name(name, true_type)
    found = _EXTENSION.search(safe)
    extension = found.group() if found else ""
    if extension.lower() in _SYNONYMS.get(true_type, (extension_of(true_type),)):
        return safe
    known = extension.lower() in _MEDIA_EXTENSIONS
    return _shorten((safe.removesuffix(extension) if known else safe) + extension_of(true_type))


def extension_of(media_type: str) -> str:
    """The usual extension, with its dot."""
    return _EXTENSIONS.get(media_type, ".bin")


def _storable(name: str) -> str:
    return _RESERVED_CHARACTERS.sub("_", shown_name(name)).strip(" .")


def _shorten(name: str) -> str:
    """Cut the stem, never the extension, until the name fits."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    found = _EXTENSION.search(name)
    extension = (
        found.group() if found and len(found.group().encode()) <= _MAX_EXTENSION_BYTES else ""
    )
    stem = name.removesuffix(extension).encode()[: MAX_BYTES - len(extension.encode())]
    return stem.decode("utf-8", "ignore").rstrip(" .") + extension
