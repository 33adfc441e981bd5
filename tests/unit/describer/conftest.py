from __future__ import annotations

from pathlib import Path

import pytest

from describer.media import Limits

MEDIA = Path(__file__).parents[2] / "fixtures" / "media"


@pytest.fixture(scope="session")
def media() -> Path:
    return MEDIA


@pytest.fixture
def limits() -> Limits:
    return Limits(max_pixels=50_000_000, longest_side=832)
