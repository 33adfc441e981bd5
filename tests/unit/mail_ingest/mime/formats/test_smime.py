"""The entity inside opaque S/MIME. The samples are built by asn1crypto, the pieces by hand."""

from __future__ import annotations

import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_ingest.mime.events import Refusal
from mail_ingest.mime.formats.smime import (
    BAD_COMPRESSION,
    CERTIFICATES_ONLY,
    CUT_OFF,
    NOT_CMS,
    SmimeOpener,
)
from mail_ingest.mime.limits import Limits
from tests.support.cms_encoder import (
    compressed,
    encrypted,
    signed,
    signed_content,
    signed_in_pieces,
)
from tests.support.mime_reading import Opening, open_container

ENTITY = b"Content-Type: text/plain\r\n\r\nA fire in the harbour.\r\n"
LIMITS = Limits()
CHUNKS = (1, 7, 65_536)


def open_smime(raw: bytes, limits: Limits) -> Opening:
    """Open a body that comes at once; one that is short comes in every size of pieces too."""
    opening = open_container(SmimeOpener, raw, limits)
    for chunk in CHUNKS if len(raw) < 10_000 else ():
        assert open_container(SmimeOpener, raw, limits, chunk) == opening
    return opening


def test_the_signed_entity_comes_out_whole() -> None:
    opened = open_smime(signed(ENTITY), LIMITS)
    assert (opened.entity, opened.flaws, opened.refusal) == (ENTITY, (), None)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_indefinite_lengths_and_pieces_are_joined(size: int) -> None:
    raw = signed_in_pieces(ENTITY, size)
    assert signed_content(raw) == ENTITY
    assert open_smime(raw, LIMITS).entity == ENTITY


def test_a_message_that_was_cut_off_gives_what_came() -> None:
    raw = signed(ENTITY * 100)
    opened = open_smime(raw[:2000], LIMITS)
    assert len(opened.entity) > 1800
    assert (ENTITY * 100).startswith(opened.entity)
    assert opened.flaws == (CUT_OFF,)


def test_pieces_that_were_cut_off_give_what_came() -> None:
    opened = open_smime(signed_in_pieces(ENTITY * 100, 100)[:2000], LIMITS)
    assert (ENTITY * 100).startswith(opened.entity)
    assert len(opened.entity) > 1500
    assert opened.flaws == (CUT_OFF,)


def test_encrypted_mail_is_refused() -> None:
    assert open_smime(encrypted(), LIMITS).refusal is Refusal.ENCRYPTED


def test_certificates_only_holds_no_message() -> None:
    opened = open_smime(signed(None), LIMITS)
    assert (opened.entity, opened.flaws) == (b"", (CERTIFICATES_ONLY,))


def test_compressed_data_is_opened_within_the_limit() -> None:
    assert open_smime(compressed(ENTITY), LIMITS).entity == ENTITY
    bomb = open_smime(compressed(bytes(10_000_000)), Limits(container_bytes=100_000))
    assert len(bomb.entity) == 100_000
    assert [flaw.limit for flaw in bomb.flaws] == ["container_bytes"]


def test_damaged_compression_is_a_flaw() -> None:
    good = zlib.compress(ENTITY)
    raw = compressed(ENTITY).replace(good, good[:-8] + b"\0" * 8)
    assert open_smime(raw, LIMITS).flaws == (BAD_COMPRESSION,)


@pytest.mark.parametrize(
    "raw", [b"", b"0", b"\x30\x80", b"-----BEGIN CMS-----", b"\x02\x01\x05", bytes(100)]
)
def test_what_is_no_cms_is_a_flaw(raw: bytes) -> None:
    assert open_smime(raw, LIMITS).flaws == (NOT_CMS,)


@settings(deadline=None)
@given(st.data())
def test_no_damage_raises(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from([signed(ENTITY), signed_in_pieces(ENTITY, 5)])))
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=8)):
        raw[at] = data.draw(st.integers(0, 255))
    opened = open_smime(bytes(raw), LIMITS)
    assert len(opened.entity) <= len(raw)


@pytest.mark.parametrize("filler", [b"\x24\x80", b"\x04\x00", b"\x30\x80", b"\x31\x80"])
def test_deep_nesting_and_empty_pieces_are_bounded(filler: bytes) -> None:
    start = time.process_time()
    raw = signed_in_pieces(b"", 1)
    open_smime(raw[:60] + filler * 1_000_000, LIMITS)
    open_smime(raw.replace(b"\x24\x80", b"\x24\x80" + filler * 1_000_000), LIMITS)
    assert time.process_time() - start < 5
