from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.config import read_settings, setting
from shared.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    port: int = setting("X_PORT", 80, unit="port", example="81", meaning="A port.")
    on: bool = setting("X_ON", False, unit="yes or no", example="1", meaning="A switch.")
    names: tuple[str, ...] = setting("X_NAMES", (), unit="names", example="a,b", meaning="Names.")
    delays: tuple[float, ...] = setting("X_DELAYS", (), unit="s", example="1,2", meaning="Delays.")
    many: int = setting("X_MANY", 4, unit="count", example="8", meaning="How many.", least=1)
    folder: Path = setting("X_DIR", Path("here"), unit="folder", example="/x", meaning="A folder.")
    key: str = setting("X_KEY", "", unit="text", example="k", meaning="A key.", secret=True)


def test_what_is_not_set_keeps_its_default() -> None:
    assert read_settings(Example, {"X_PORT": "  "}) == Example()


def test_every_kind_of_value_is_read() -> None:
    environment = {
        "X_PORT": "8080",
        "X_ON": "yes",
        "X_NAMES": "a, b,,",
        "X_DELAYS": "1, 2.5",
        "X_DIR": "/tmp/x",
        "X_KEY": "secret",
    }
    read = read_settings(Example, environment)
    assert read.port == 8080
    assert read.on
    assert read.names == ("a", "b")
    assert read.delays == (1.0, 2.5)
    assert read.folder == Path("/tmp/x")


@pytest.mark.parametrize(
    ("name", "text"), [("X_PORT", "eighty"), ("X_ON", "perhaps"), ("X_DELAYS", "1;2")]
)
def test_a_value_that_makes_no_sense_is_named(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: '{text}' is not"):
        read_settings(Example, {name: text})


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("X_PORT", "99999", "99999 is out of range: write 0 to 65535."),
        ("X_PORT", "-1", "-1 is out of range: write 0 to 65535."),
        ("X_DELAYS", "1,-2", "-2 is out of range: write 0 or more."),
        ("X_DELAYS", "nan", "nan is out of range: write 0 or more."),
        ("X_DELAYS", "inf", "inf is out of range: write 0 or more."),
        ("X_MANY", "0", "0 is out of range: write 1 or more."),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_those_that_can(
    name: str, text: str, sentence: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: {sentence}$"):
        read_settings(Example, {name: text})


def test_a_secret_never_prints() -> None:
    assert "hush" not in repr(read_settings(Example, {"X_KEY": "hush"}))
