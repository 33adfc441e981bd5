"""Small images made on the spot, as bytes."""

from __future__ import annotations

from io import BytesIO

from PIL import Image


def image_bytes(
    kind: str = "PNG", size: tuple[int, int] = (400, 300), *, colour: str = "teal"
) -> bytes:
    """An image of one colour in a format that Pillow writes."""
    target = BytesIO()
    Image.new("RGB", size, colour).save(target, kind)
    return target.getvalue()


def noisy_image_bytes(kind: str = "PNG", size: tuple[int, int] = (400, 300)) -> bytes:
    """An image that compresses badly, so that it is as large as a photo."""
    width, height = size
    state, pixels = 1, bytearray()
    for _ in range(width * height * 3):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        pixels.append(state >> 16 & 0xFF)
    target = BytesIO()
    Image.frombytes("RGB", size, bytes(pixels)).save(target, kind)
    return target.getvalue()
