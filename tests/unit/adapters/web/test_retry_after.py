from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.web.retry_after import retry_after_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("999999999999999999999999", 86400.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 -0000", 30.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("٣", None),
        ("99999999999999 Nov 2026", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert retry_after_s(text, now) == seconds
