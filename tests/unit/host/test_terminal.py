"""What programs read of a command."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from host.terminal import say_json

if TYPE_CHECKING:
    import pytest


def test_a_file_name_that_is_not_utf_8_comes_back_whole(capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"/tmp/\xff.eml")

    say_json({"path": name, "caption": "m\u00e5ne"})

    line = capsys.readouterr().out
    assert line.isascii()
    assert os.fsencode(json.loads(line)["path"]) == b"/tmp/\xff.eml"
