"""What is missing is said with the command that installs it from where we came from."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import pytest

from host.commands.doctor import doctor
from host.extras import install_extra

PROJECT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_INGEST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MAIL_INGEST_SMTP_LISTEN_PORT", "-1")
    monkeypatch.setenv("MAIL_INGEST_HTTP_PORT", "0")


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """As if a package were not installed."""
    find = PathFinder.find_spec

    def find_others(name: str, *rest: Any) -> Any:
        return None if name.partition(".")[0] == package else find(name, *rest)

    monkeypatch.setattr(PathFinder, "find_spec", find_others)
    for name in [each for each in sys.modules if each.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "adapters.local.otlp", raising=False)


def line(name: str, output: str) -> str:
    (found,) = [each for each in output.splitlines() if f"  {name}: " in each]
    return found


def test_in_a_checkout_the_command_installs_from_it() -> None:
    sentence = install_extra("ocr")
    assert sentence.endswith(f"{sys.executable} -m pip install -e '{PROJECT}[ocr]'")


def test_from_a_wheel_the_command_names_the_wheel(tmp_path: Path) -> None:
    sentence = install_extra("otlp", tmp_path)
    found = re.search(r"'\./(mail_ingest-[0-9.]+-py3-none-any\.whl)\[otlp\]'$", sentence)
    assert found is not None


def test_pip_takes_the_command(tmp_path: Path) -> None:
    """It reads the extra of the checkout; nothing is fetched or installed."""
    command = install_extra("ocr").partition(": ")[2]
    dry = f"{command} --dry-run --no-deps --no-build-isolation --no-index"
    run = subprocess.run(  # noqa: S602
        dry, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "does not provide the extra" not in run.stderr


def test_doctor_says_that_pictures_will_not_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hide(monkeypatch, "rapidocr")
    monkeypatch.setenv("MAIL_INGEST_OCR", "1")
    assert doctor() == 1
    said = line("text in pictures", capsys.readouterr().out)
    assert said.startswith("WRONG")
    assert said.endswith(install_extra("ocr"))


def test_doctor_says_that_the_exporter_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hide(monkeypatch, "opentelemetry")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert doctor() == 1
    said = line("telemetry", capsys.readouterr().out)
    assert said.startswith("WRONG")
    assert said.endswith(install_extra("otlp"))


def test_without_these_settings_nothing_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hide(monkeypatch, "rapidocr")
    hide(monkeypatch, "opentelemetry")
    assert doctor() == 0
    assert "Everything is in order." in capsys.readouterr().out
