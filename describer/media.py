"""What our own reading of a photo or video gives, whichever provider says the labels later."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from shared.description import Capture, VideoFacts
from shared.errors import IngestError

if TYPE_CHECKING:
    from collections.abc import Generator

    from PIL import Image

    from shared.model import Kind

# What Pillow, libheif and FFmpeg raise on hostile bytes; MemoryError is told apart by the callers.
DECODER_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def _no_alarm(seconds: float) -> None:
    del seconds


class UnreadableMediaError(IngestError):
    """A photo or video cannot be opened, now or later; the text is a sentence for its sender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`max_pixels` of one picture is an error beyond; pictures are scaled to `longest_side`.
    `set_alarm` ends the process after so many seconds of CPU; 0: not at all.
    """

    max_pixels: int
    longest_side: int
    set_alarm: Callable[[float], None] = _no_alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A picture to look at: RGB, upright, scaled down. `t_ms` is its time in a video."""

    picture: Image.Image
    t_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An opened photo or video. `frames` is never empty: one of a photo, several of a video."""

    kind: Kind
    frames: tuple[Frame, ...]
    poster: Image.Image  # the frame that stands for the whole, RGB, upright
    width: int  # pixels of the original, after orientation
    height: int
    capture: Capture = field(default_factory=Capture)
    video: VideoFacts | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The media file that is to be described."""

    path: Path
    kind: Kind
    media_type: str
    file_name: str = ""
    url: str = ""  # where a third party may fetch it
    descriptor: int | None = None  # the file, where it comes opened; then `path` is only a name

    @property
    def is_there(self) -> bool:
        """Whether there is something to open."""
        return self.descriptor is not None or self.path.is_file()

    @contextmanager
    def opened(self) -> Generator[BinaryIO]:
        """The content, from its start."""
        media = self.path if self.descriptor is None else os.fdopen(os.dup(self.descriptor), "rb")
        with opened_media(media) as file:
            yield file


@contextmanager
def opened_media(media: BinaryIO | Path) -> Generator[BinaryIO]:
    """A file, opened if it is not, read from its start; closed afterwards."""
    with media.open("rb") if isinstance(media, Path) else media as file:
        file.seek(0)  # all descriptors of one file share their position
        yield file
