"""POST /v1/submissions over a real socket."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tests.support.http_door import open_door

if TYPE_CHECKING:
    from pathlib import Path

JPEG = bytes.fromhex("ffd8ffe000104a46494600010101004800480000ffdb0043") + bytes(5000)


async def test_a_photo_is_taken_and_its_state_can_be_asked_for(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        answer = await door.client.post(
            "/v1/submissions",
            files={"photo": ("storm.jpg", JPEG, "image/jpeg")},
            data={"reference": "R-1", "text": "Storm"},
        )
        assert answer.status_code == 202, answer.text
        accepted = answer.json()
        assert answer.headers["location"] == accepted["status_url"]
        status = (await door.client.get(accepted["status_url"])).json()
        assert status["state"] == "accepted"
        assert status["reference"] == "R-1"
        assert status["media"][0]["sha256"] == hashlib.sha256(JPEG).hexdigest()
