from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.core import Core, open_core

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with open_core(tmp_path) as opened:
        yield opened
