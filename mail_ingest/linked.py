"""Files that a mail links to instead of attaching: Mail Drop, Google Drive, OneDrive and the like.

A link is noted with the name, size and host that it claims, for people to open. Nothing is fetched:
none of these links is signed, and whoever wrote the mail chose where it leads.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from shared.model import LinkedAttachment

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINKS = 50
MAX_REPEATED_LINKS = 1_000
MAX_SCANNED_CHARS = 2_000_000

_URL = re.compile(r"https://[^\s<>\"'\\^`{|}\x00-\x1f\x7f]{4,4096}", re.IGNORECASE)
_REST_OF_ANCHOR = re.compile(r"[\"']?[^<>]{0,500}>(.{0,500}?)</a\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_FILE_NAME = re.compile(r"[^/\\\x00-\x1f]{1,200}\.[A-Za-z0-9]{2,5}")
_PUNCTUATION_AFTER_A_LINK = ".,;:!?)]*_"


class _Service(NamedTuple):
    """A file service: its host (subdomains count too) and the paths under which files lie."""

    host: str
    path: re.Pattern[str]


_SERVICES = (
    _Service("icloud.com", re.compile(r"/attachment/|/photos/|/iclouddrive/")),
    _Service(
        "drive.google.com", re.compile(r"/(?:a/[^/]+/)?(?:file/|open$|uc$|drive/|folderview)")
    ),
    _Service("drive.usercontent.google.com", re.compile(r"/(?:download|uc)")),
    _Service("photos.google.com", re.compile(r"/(?:share|album)/")),
    _Service("photos.app.goo.gl", re.compile(r"/.")),
    _Service("1drv.ms", re.compile(r"/.")),
    _Service("onedrive.live.com", re.compile(r"/")),
    _Service("sharepoint.com", re.compile(r"/:[a-z]:/|/personal/[^/]+/Documents/")),
    _Service("we.tl", re.compile(r"/.")),
    _Service("wetransfer.com", re.compile(r"/downloads/")),
    _Service("dropbox.com", re.compile(r"/(?:s|sh|scl|t|transfer)/")),
    _Service("dropboxusercontent.com", re.compile(r"/.")),
)
_REDIRECTS = {"safelinks.protection.outlook.com": "url", "www.google.com": "q"}


def find_linked(text: str, html_text: str = "") -> tuple[LinkedAttachment, ...]:
    """The files that a mail's plain text and HTML link to, each once, in order of appearance.

    Looks at the first `MAX_SCANNED_CHARS` of each and stops after `MAX_LINKS`; never raises.
    """
    found: dict[str, LinkedAttachment] = {}
    for link in islice(_all_links(text, html_text), MAX_REPEATED_LINKS):
        known = found.get(link.url)
        if known is None:
            found[link.url] = link
        elif not known.file_name:  # the HTML names what the plain text only links to
            found[link.url] = replace(known, file_name=link.file_name)
        if len(found) == MAX_LINKS:
            break
    return tuple(found.values())


def _all_links(text: str, html_text: str) -> Iterator[LinkedAttachment]:
    for match in _URL.finditer(text, 0, MAX_SCANNED_CHARS):
        if target := _target(match[0]):
            yield _linked(target, label="")
    for match in _URL.finditer(html_text, 0, MAX_SCANNED_CHARS):
        if target := _target(html.unescape(match[0])):
            yield _linked(target, label=_anchor_text(html_text, match.end()))


def _target(url: str) -> SplitResult | None:
    """Where the link leads, when that is a file of one of the services."""
    parts = _split(_without_redirect(url.rstrip(_PUNCTUATION_AFTER_A_LINK)))
    return parts if parts and _is_file_link(parts) else None


def _linked(target: SplitResult, *, label: str) -> LinkedAttachment:
    query = parse_qs(target.query)
    return LinkedAttachment(
        file_name=_file_name(target, query, label),
        size=_size(query),
        host=target.hostname or "",
        url=target.geturl(),
    )


def _without_redirect(url: str) -> str:
    """The target of a link that a mail filter or a search engine has wrapped, else the link."""
    parts = _split(url)
    if parts is None:
        return url
    for host, parameter in _REDIRECTS.items():
        if _is_host(parts, host):
            return parse_qs(parts.query).get(parameter, [url])[0]
    return url


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket without its partner in the host
        return None
    return parts if parts.scheme == "https" and parts.hostname else None


def _is_file_link(parts: SplitResult) -> bool:
    return any(
        _is_host(parts, service.host) and service.path.match(parts.path) for service in _SERVICES
    )


def _is_host(parts: SplitResult, host: str) -> bool:
    own = parts.hostname or ""
    return own == host or own.endswith(f".{host}")


def _file_name(parts: SplitResult, query: dict[str, list[str]], label: str) -> str:
    """The name that the link claims: a parameter, the anchor's text, or the end of its path."""
    last = unquote(PurePosixPath(parts.path).name)
    for candidate in (query.get("f", [""])[0], label, last):  # `f` is Mail Drop's
        if _FILE_NAME.fullmatch(candidate.strip()):
            return candidate.strip()
    return ""


def _size(query: dict[str, list[str]]) -> int:
    """The size in bytes that Mail Drop's `sz` claims, else 0."""
    claimed = query.get("sz", [""])[0]
    return int(claimed) if claimed.isascii() and claimed.isdigit() and len(claimed) <= 15 else 0


def _anchor_text(html_text: str, end_of_url: int) -> str:
    """What a reader sees in the place of the link whose URL ends at this offset."""
    anchor = _REST_OF_ANCHOR.match(html_text, end_of_url)
    return " ".join(html.unescape(_TAG.sub("", anchor[1])).split()) if anchor else ""
