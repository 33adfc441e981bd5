from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from describer.protocol import Mechanism
from host.commands.desk import categories_named
from host.commands.doctor import _confined  # pyright: ignore[reportPrivateUsage]
from host.commands.key import key
from host.describers import describer_environment
from host.intake import read_keys
from shared.classify import load_rules
from shared.errors import SettingsError
from shared.settings import SHIPPED_RULES
from tests.support.server_process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def test_a_key_is_shown_once_and_its_entry_lets_it_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert key("partner") == 0
    first, second = capsys.readouterr().out.splitlines()
    fresh, entry = first.split()[-1], second.split()[-1]
    assert read_keys((entry,)) == {"partner": hashlib.sha256(fresh.encode()).hexdigest()}


def test_a_key_needs_a_name_that_fits_into_a_setting() -> None:
    with pytest.raises(SettingsError, match="letters, digits"):
        key("two words,or more")


@pytest.mark.parametrize("name", ["medtop:15000000", "15000000", "Sport", "sport"])
def test_a_category_is_known_by_its_code_and_by_its_name(name: str) -> None:
    (category,) = categories_named([name], load_rules(SHIPPED_RULES))
    assert (category.code, category.because) == ("medtop:15000000", ("the desk",))


@pytest.mark.parametrize("names", [["fishing"], ["sport", "fishing"]])
def test_an_unknown_category_is_answered_with_those_that_there_are(names: Sequence[str]) -> None:
    with pytest.raises(SettingsError, match=r"'fishing' is none of these: medtop:01000000"):
        categories_named(names, load_rules(SHIPPED_RULES))


def test_the_doctor_says_what_confines_a_describer_here(tmp_path: Path) -> None:
    done = ServerProcess(tmp_path, {}).command("doctor")
    lines = [line for line in done.stdout.splitlines() if "confinement" in line]
    mechanisms = {line.partition(", ")[2].partition(":")[0] for line in lines}
    assert mechanisms == {"dumpable", "no_new_privs", "landlock", "limits", "seccomp"}
    assert {line.split()[0] for line in lines} <= {"ok", "note"}


def test_what_does_not_hold_is_a_note_and_nothing_to_mend() -> None:
    lacking = Mechanism(name="landlock", holds=False, detail="not available here (No such call)")
    assert _confined(lacking).mark == "note "
    assert _confined(lacking).passed
    assert "not available here" in _confined(lacking).sentence


def test_a_describer_sees_its_own_settings_and_no_secret_of_ours() -> None:
    seen = describer_environment(
        {
            "PATH": "/bin",
            "HOME": "/root",
            "MAIL_INGEST_THIRD_PARTY_KEY": "theirs",
            "MAIL_INGEST_DESCRIBER": "third_party",
            "MAIL_INGEST_SMTP_PASSWORD": "ours",
            "MAIL_INGEST_WEBHOOK_SECRETS": "ours",
            "MAIL_INGEST_KEYS": "ours",
        }
    )
    own = {"PATH", "MAIL_INGEST_THIRD_PARTY_KEY", "MAIL_INGEST_DESCRIBER"}
    assert set(seen) == own | {"PYTHONPATH", "ORT_DISABLE_TELEMETRY"}


def test_a_describer_finds_its_packages_where_we_find_ours() -> None:
    """Azure Functions shows an app its packages by PYTHONPATH alone."""
    seen = describer_environment({"PATH": "/bin"})
    own = "import sys; print(*sys.path, sep='\\n')"
    child = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-c", own], env=seen, capture_output=True, text=True, check=True
    )
    assert {path for path in sys.path if Path(path).is_absolute()} <= set(child.stdout.splitlines())


@pytest.mark.parametrize("told", [{}, {"ORT_DISABLE_TELEMETRY": "0"}])
def test_no_describer_reports_to_the_maker_of_a_library(told: dict[str, str]) -> None:
    assert describer_environment(told)["ORT_DISABLE_TELEMETRY"] == "1"
