"""What is accepted can be decoded: of every accepted media type, the describer reads a file."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from describer.media import Limits
from describer.photo import read_photo
from describer.video import read_video
from mail_ingest.attachments import PHOTO_TYPES, VIDEO_TYPES, why_unsupported
from mail_ingest.file_names import stored_name
from mail_ingest.sniff import HEAD_BYTES, OCTET_STREAM, sniff
from shared.model import LeftOutReason

MEDIA = Path(__file__).parents[1] / "fixtures" / "media"
LIMITS = Limits(max_pixels=50_000_000, longest_side=400)
PILLOW_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
    "image/tiff": "TIFF",
    "image/bmp": "BMP",
    "image/jp2": "JPEG2000",
}
MUXERS = {
    "video/mp4": ("mp4", "mpeg4"),
    "video/x-m4v": ("ipod", "mpeg4"),
    "video/quicktime": ("mov", "mpeg4"),
    "video/webm": ("webm", "libvpx"),
    "video/x-matroska": ("matroska", "mpeg4"),
    "video/x-msvideo": ("avi", "mpeg4"),
    "video/3gpp": ("3gp", "mpeg4"),
    "video/mpeg": ("mpeg", "mpeg2video"),
    "video/mp2t": ("mpegts", "mpeg2video"),
    "video/x-ms-wmv": ("asf", "wmv2"),
    "video/x-flv": ("flv", "flv1"),
}


def photo_of(media_type: str) -> bytes:
    """A photo of a type; raises KeyError where there is none."""
    heic = (MEDIA / "cat_exif_gps.heic").read_bytes()
    files = {
        "image/heic": heic,
        # HEIF is the same container; only its brands say which pictures are in it.
        "image/heif": heic[:8] + heic[8:32].replace(b"heic", b"mif1") + heic[32:],
        "image/x-adobe-dng": (MEDIA / "p.dng").read_bytes(),
    }
    if media_type in files:
        return files[media_type]
    target = BytesIO()
    Image.new("RGB", (64, 48), "teal").save(target, PILLOW_FORMATS[media_type])
    return target.getvalue()


def video_of(media_type: str, folder: Path) -> Path:
    """A video of a type; raises KeyError where there is none."""
    muxer, codec = MUXERS[media_type]
    path = folder / "video"
    container: Any  # PyAV's streams are typed by the literal names of codecs
    with av.open(str(path), "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for number in range(25):
            pixels = np.full((48, 64, 3), number * 10, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.mark.parametrize("media_type", sorted(PHOTO_TYPES))
def test_every_accepted_photo_can_be_decoded(media_type: str, tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(photo_of(media_type))
    assert sniff(path.read_bytes()[:HEAD_BYTES]) == media_type
    assert read_photo(path, LIMITS).frames


@pytest.mark.parametrize("media_type", sorted(VIDEO_TYPES))
def test_every_accepted_video_can_be_decoded(media_type: str, tmp_path: Path) -> None:
    path = video_of(media_type, tmp_path)
    assert sniff(path.read_bytes()[:HEAD_BYTES]) == media_type
    assert read_video(path, LIMITS).frames


@pytest.mark.parametrize("media_type", sorted(PHOTO_TYPES | VIDEO_TYPES))
def test_every_accepted_type_has_an_extension_that_claims_media(media_type: str) -> None:
    name = stored_name("", media_type)
    assert Path(name).suffix
    reason = why_unsupported(true_type=OCTET_STREAM, declared_type="", file_name=name)
    assert reason is LeftOutReason.UNREADABLE
