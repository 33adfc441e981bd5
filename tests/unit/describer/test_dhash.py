from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from describer.dhash import dhash, distance

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def coffee(media: Path) -> Image.Image:
    return Image.open(media / "coffee.jpg").convert("RGB")


def _encoded_again(picture: Image.Image, quality: int) -> Image.Image:
    out = BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return Image.open(out)


def test_a_hash_is_16_hex_digits(coffee: Image.Image) -> None:
    assert re.fullmatch("[0-9a-f]{16}", dhash(coffee))


def test_another_encoding_size_or_grey_changes_a_bit_at_most(coffee: Image.Image) -> None:
    wanted = dhash(coffee)
    assert distance(dhash(_encoded_again(coffee, 30)), wanted) <= 1
    assert distance(dhash(coffee.resize((300, 200))), wanted) <= 1
    assert distance(dhash(coffee.convert("L")), wanted) <= 1


def test_a_slight_crop_stays_near(coffee: Image.Image) -> None:
    assert distance(dhash(coffee.crop((15, 10, 585, 390))), dhash(coffee)) <= 12


def test_other_photos_are_far_away(coffee: Image.Image, media: Path) -> None:
    for name in ("cat.jpg", "photographer.jpg", "officer_portrait_hopper.jpg"):
        assert distance(dhash(Image.open(media / name)), dhash(coffee)) >= 18
