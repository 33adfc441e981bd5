"""The pictures that an answer shows: few and small, so that every mail program takes the mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import BlobNotFoundError
from shared.intake import thumbnail_name

if TYPE_CHECKING:
    from shared.model import Outcome
    from shared.ports import BlobStore

_MOST = 20
_MOST_BYTES = 1_000_000  # in one mail


async def thumbnails(outcome: Outcome, blobs: BlobStore) -> dict[int, bytes]:
    """The thumbnails (JPEG) of the first media items, by media number."""
    pictures: dict[int, bytes] = {}
    room = _MOST_BYTES
    for item in outcome.media[:_MOST]:
        try:
            picture = await blobs.get(thumbnail_name(item.sha256))
        except BlobNotFoundError:
            continue  # it could not be opened, or is not described yet
        if len(picture) <= room:
            pictures[item.number] = picture
            room -= len(picture)
    return pictures
