"""The pictures that an answer shows: few and small, and never more than what the mail brought.

An answer to a sender whom nothing proves shows none: whoever forged it would have us deliver them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import BlobNotFoundError
from shared.intake import thumbnail_name

if TYPE_CHECKING:
    from shared.ports import Answer, BlobStore

_MOST = 20
_MOST_BYTES = 100_000  # in one mail, where base64 makes 137 kB of them
_SHARE = 2  # of a mail's own size its answer shows at most one half


async def thumbnails(answer: Answer, blobs: BlobStore) -> dict[int, bytes]:
    """The thumbnails (JPEG) of the first media items, by media number."""
    pictures: dict[int, bytes] = {}
    submission = answer.submission
    if not submission.answer_to.proven:
        return pictures
    room = _MOST_BYTES
    if submission.original is not None:
        room = min(room, submission.original.size // _SHARE)
    for item in answer.outcome.media[:_MOST]:
        try:
            picture = await blobs.get(thumbnail_name(item.sha256))
        except BlobNotFoundError:
            continue  # it could not be opened, or is not described yet
        if len(picture) <= room:
            pictures[item.number] = picture
            room -= len(picture)
    return pictures
