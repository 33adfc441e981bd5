"""Filing a description: by content, so that the same file is never described twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.codec import to_json
from shared.intake import thumbnail_name

if TYPE_CHECKING:
    from shared.description import Description
    from shared.ports import BlobStore


async def file_description(
    blobs: BlobStore, sha256: str, name: str, description: Description, thumbnail: bytes
) -> None:
    """Keep the description of this content under `name` (`shared.intake.description_name`).

    The description goes last: who finds it finds the thumbnail too. Filing it again is harmless.
    """
    if thumbnail:
        await blobs.put(thumbnail_name(sha256), thumbnail, content_type="image/jpeg")
    await blobs.put(name, to_json(description), content_type="application/json")
