from __future__ import annotations

import pytest

from describer.settings import ProviderKind, SendMode, Settings
from shared.errors import SettingsError


def test_the_defaults_describe_with_the_local_models() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings.from_env({"MAIL_INGEST_OCR": ""}).ocr is False


def test_a_third_party_is_read_whole() -> None:
    settings = Settings.from_env(
        {
            "MAIL_INGEST_DESCRIBER": "third_party",
            "MAIL_INGEST_THIRD_PARTY_URL": "https://vision.example/v1",
            "MAIL_INGEST_THIRD_PARTY_KEY": "hidden",
            "MAIL_INGEST_THIRD_PARTY_MODE": "url",
            "MAIL_INGEST_THIRD_PARTY_TIMEOUT_S": "2.5",
            "MAIL_INGEST_MAX_PIXELS": "64_000_000",
        }
    )
    assert settings.provider is ProviderKind.THIRD_PARTY
    assert settings.max_pixels == 64_000_000
    assert settings.third_party is not None
    assert settings.third_party.mode is SendMode.URL
    assert settings.third_party.timeout_s == 2.5
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DESCRIBER", "magic"),
        ("MAX_PIXELS", "0"),
        ("MAX_PIXELS", "1e6"),
        ("DESCRIBER_MEMORY_MB", "-1"),
        ("OCR", "maybe"),
    ],
)
def test_a_senseless_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"MAIL_INGEST_{name}"):
        Settings.from_env({f"MAIL_INGEST_{name}": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("URL", ""), ("MODE", "fax"), ("TIMEOUT_S", "0"), ("TIMEOUT_S", "nan"), ("POLL_S", "x")],
)
def test_a_senseless_value_for_a_third_party_is_named(name: str, value: str) -> None:
    env = {
        "MAIL_INGEST_DESCRIBER": "third_party",
        "MAIL_INGEST_THIRD_PARTY_URL": "https://vision.example/v1",
        f"MAIL_INGEST_THIRD_PARTY_{name}": value,
    }
    with pytest.raises(SettingsError, match=f"MAIL_INGEST_THIRD_PARTY_{name}"):
        Settings.from_env(env)
