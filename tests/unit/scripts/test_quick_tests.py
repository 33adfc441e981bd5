"""`make quick` finds the tests that have to do with what changed."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def quick() -> Any:
    spec = spec_from_file_location("quick_tests", ROOT / "scripts" / "quick_tests.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("changed", "nearest"),
    [
        ("mail_ingest/mime/charsets.py", "tests/unit/mail_ingest/mime/test_charsets.py"),
        ("shared/model.py", "tests/unit/"),
        ("tests/support/tnef_encoder.py", "tests/unit/mail_ingest/"),
        ("shared/rules/categories.toml", "tests/unit/"),
        ("tests/unit/shared/test_ids.py", "tests/unit/shared/test_ids.py"),
    ],
)
def test_the_nearest_test_of_a_changed_file_comes_first(
    quick: Any, changed: str, nearest: str
) -> None:
    found = quick.tests_of([ROOT / changed])
    assert found
    assert str(found[0].relative_to(ROOT)).startswith(nearest)


def test_only_what_imports_a_module_has_to_do_with_it(quick: Any) -> None:
    found = quick.tests_of([ROOT / "mail_ingest" / "mime" / "japanese.py"])
    assert ROOT / "tests" / "unit" / "http_intake" / "test_pages.py" not in found


def test_a_page_of_the_documents_needs_no_test(quick: Any) -> None:
    page = (ROOT / "docs" / "azure-jobs").with_suffix(".md")  # whose name no test writes
    assert quick.tests_of([page]) == []
