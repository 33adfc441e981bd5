"""What holds of every message: files come out as they were put in, and nothing makes it fail."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mail_ingest.mime.limits import Limits
from tests.support.mime_reading import read
from tests.support.mime_strategies import BuiltMail, damaged_mails, mails

TIGHT = Limits(parts=6, depth=3, header_bytes=200, header_lines=6, decoded_bytes=300)
often = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@often
@given(mails(), st.sampled_from([1, 7, 4096]))
def test_what_was_put_into_a_mail_comes_out(mail: BuiltMail, chunk: int) -> None:
    assert read(mail.raw, chunk).files == mail.files


@often
@given(mails())
def test_a_sound_mail_has_no_defects(mail: BuiltMail) -> None:
    assert read(mail.raw).defects == []


@often
@given(mails())
def test_a_part_can_be_read_again_out_of_the_stored_mail(mail: BuiltMail) -> None:
    for each in read(mail.raw).parts:
        assert each.part.start is not None
        again = read(mail.raw[each.part.start : each.end])
        assert again.files == [f for f in again.files if f in mail.files]
        assert again.parts[0].content == each.content


@often
@given(damaged_mails(), st.integers(1, 100))
def test_how_a_damaged_mail_is_cut_changes_nothing(raw: bytes, chunk: int) -> None:
    assert read(raw, chunk).story == read(raw, len(raw) or 1).story


@often
@given(damaged_mails())
def test_no_limit_makes_reading_fail(raw: bytes) -> None:
    reading = read(raw, limits=TIGHT)
    assert len(reading.limits) <= 1
    assert sum(len(each.content) for each in reading.parts) <= TIGHT.decoded_bytes
