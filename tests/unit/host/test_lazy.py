"""Ports that are opened when they are first used."""

from __future__ import annotations

import pytest

from host.lazy import lazily
from shared.errors import SettingsError


class Port:
    opened = 0

    def __init__(self) -> None:
        Port.opened += 1

    async def put(self, value: int) -> int:
        return value + 1


async def test_a_port_is_opened_once_and_not_before_it_is_used() -> None:
    Port.opened = 0
    port = lazily(Port)
    assert Port.opened == 0
    assert [await port.put(1), await port.put(2)] == [2, 3]
    assert Port.opened == 1


async def test_a_port_that_cannot_be_opened_is_tried_again_at_the_next_use() -> None:
    tries: list[int] = []

    def open_port() -> Port:
        tries.append(1)
        if len(tries) == 1:
            raise SettingsError("MAIL_INGEST_BLOB_URL", "it is not set.")
        return Port()

    port = lazily(open_port)
    with pytest.raises(SettingsError, match="it is not set"):
        await port.put(1)
    assert await port.put(1) == 2
