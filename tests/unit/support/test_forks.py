from __future__ import annotations

from importlib.util import find_spec

from tests.support.forks import IMPORTED


def test_what_is_to_be_imported_before_the_forks_is_there() -> None:
    missing = [name for name in IMPORTED if find_spec(name) is None]
    assert missing == []  # Python's server passes over what is not there, and each fork is slow
