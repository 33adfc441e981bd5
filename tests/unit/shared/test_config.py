from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.codec import to_payload
from shared.config import read_settings, setting
from shared.errors import SettingsError
from shared.ids import media_instance_id, submission_id
from shared.settings import Settings
from shared.settings.azure import AzureSettings
from shared.steps import DescribeMedia

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    port: int = setting("X_PORT", 80, unit="port", example="81", meaning="A port.")
    on: bool = setting("X_ON", False, unit="yes or no", example="1", meaning="A switch.")
    names: tuple[str, ...] = setting("X_NAMES", (), unit="names", example="a,b", meaning="Names.")
    delays: tuple[float, ...] = setting("X_DELAYS", (), unit="s", example="1,2", meaning="Delays.")
    many: int = setting("X_MANY", 4, unit="count", example="8", meaning="How many.", least=1)
    some: int = setting("X_SOME", 4, unit="count", example="8", meaning="How many.", most=9)
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
        ("X_SOME", "10", "10 is out of range: write 0 to 9."),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_those_that_can(
    name: str, text: str, sentence: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: {sentence}$"):
        read_settings(Example, {name: text})


@pytest.mark.parametrize(
    "name",
    [
        "MAIL_INGEST_GRAPH_MAX_CALLS",
        "MAIL_INGEST_HTTP_MIN_BYTES_PER_S",
        "MAIL_INGEST_JOBS_MAX_CONTAINERS",
        "MAIL_INGEST_JOBS_MAX_ITEMS",
        "MAIL_INGEST_JOBS_PER_5_MIN",
        "MAIL_INGEST_JOBS_PER_HOUR",
        "MAIL_INGEST_MAX_MEDIA",
        "MAIL_INGEST_MAX_MIME_PARTS",
        "MAIL_INGEST_PHOTO_TIME_S",
        "MAIL_INGEST_POLL_CLAIM_S",
    ],
)
def test_what_nothing_can_be_done_without_is_more_than_nothing(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: 0 is out of range: write "):
        _read_all({name: "0"})


def test_the_most_media_of_a_submission_are_started_with_less_than_a_task_hub_takes() -> None:
    with pytest.raises(SettingsError, match="write 1 to 1000"):
        Settings.read({"MAIL_INGEST_MAX_MEDIA": "1001"})
    most = Settings.read({"MAIL_INGEST_MAX_MEDIA": "1000"}).intake.max_media
    submission = submission_id("mail", "a key")
    started = [
        DescribeMedia(
            job_id=media_instance_id(submission, number), number=number, traceparent=TRACE
        )
        for number in range(1, most + 1)
    ]
    assert len(json.dumps([to_payload(each) for each in started])) < 500_000


def test_a_secret_never_prints() -> None:
    assert "hush" not in repr(read_settings(Example, {"X_KEY": "hush"}))


def _read_all(environment: dict[str, str]) -> None:
    Settings.read(environment)
    AzureSettings.read(environment)
