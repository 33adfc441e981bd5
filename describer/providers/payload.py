"""What a description service gets of a photo or video: the body of the request."""

from __future__ import annotations

import base64
import os
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from describer.providers.base import Refused, Unavailable
from describer.providers.json_values import as_list, as_object
from describer.settings import SendMode
from shared.codec import to_json
from shared.model import Kind

if TYPE_CHECKING:
    from collections.abc import Generator

    from PIL.Image import Image

    from describer.media import Reading, Source
    from describer.providers.mapping import RequestTable

_MOST_IN_JSON = 64_000_000  # bytes; more must go as the body itself, or by URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A body and its type, and the size in pixels of the picture that the service looks at."""

    content: bytes | BinaryIO
    media_type: str
    width: int
    height: int


@contextmanager
def prepare(
    table: RequestTable, mode: SendMode, source: Source, reading: Reading
) -> Generator[Payload | Refused | Unavailable]:
    """The body for as long as it is sent; a file as the body is streamed, never held in memory."""
    if mode is SendMode.URL:
        yield _url(table, source, reading)
        return
    wanted = table.video if source.kind is Kind.VIDEO else table.photo
    if wanted == "jpeg":
        yield _in_template(table, source, _jpeg(reading.poster))
        return
    with source.opened() as file:
        whole = Payload(
            content=file,
            media_type=source.media_type,
            width=reading.width,
            height=reading.height,
        )
        if table.bytes_json and os.fstat(file.fileno()).st_size > _MOST_IN_JSON:
            yield Refused(sentence="It is too large for the description service.")
        else:
            yield _in_template(table, source, whole)


def _url(table: RequestTable, source: Source, reading: Reading) -> Payload | Unavailable:
    if not source.url:
        return Unavailable(reason="There is no URL from which the service could fetch it.")
    words = {"{url}": source.url, **_names(source, source.media_type)}
    return Payload(
        content=_fill(table.url_json, words),
        media_type="application/json",
        width=reading.width,
        height=reading.height,
    )


def _jpeg(picture: Image) -> Payload:
    out = BytesIO()
    picture.save(out, "JPEG", quality=90)
    return Payload(
        content=out.getvalue(),
        media_type="image/jpeg",
        width=picture.width,
        height=picture.height,
    )


def _in_template(table: RequestTable, source: Source, media: Payload) -> Payload:
    """Media within the JSON text that the service wants, or as it is."""
    if not table.bytes_json:
        return media
    content = media.content if isinstance(media.content, bytes) else media.content.read()
    words = {
        "{base64}": base64.b64encode(content).decode("ascii"),
        **_names(source, media.media_type),
    }
    return Payload(
        content=_fill(table.bytes_json, words),
        media_type="application/json",
        width=media.width,
        height=media.height,
    )


def _names(source: Source, media_type: str) -> dict[str, str]:
    return {"{media_type}": media_type, "{file_name}": source.file_name}


def _fill(template: str, words: dict[str, str]) -> bytes:
    return to_json(_filled(msgspec.json.decode(template), words))


def _filled(value: Any, words: dict[str, str]) -> Any:
    """Words replaced in strings only, after the JSON is parsed: no word can break out of it."""
    if isinstance(value, str):
        for word, meaning in words.items():
            if word in value:
                return value.replace(word, meaning)
        return value
    if (items := as_list(value)) is not None:
        return [_filled(item, words) for item in items]
    if (members := as_object(value)) is not None:
        return {key: _filled(item, words) for key, item in members.items()}
    return value
