"""The typed codec: what is encoded is decoded as the same value of the same type."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.service_bus.amqp_types import (
    Array,
    Byte,
    Char,
    Decimal,
    Described,
    Float,
    Int,
    Long,
    Short,
    Symbol,
    Timestamp,
    Ubyte,
    Uint,
    Ulong,
    Ushort,
)
from tests.fakes.service_bus.decoding import Reader
from tests.fakes.service_bus.encoding import encode
from tests.fakes.service_bus.errors import ProtocolError
from tests.fakes.service_bus.messages import parse

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def whole(kind: type[int], bits: int, *, signed: bool) -> SearchStrategy[int]:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return st.integers(low, high).map(kind)


SCALARS: SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.text(),
    st.binary(),
    st.uuids(),
    st.floats(allow_nan=False),
    st.floats(allow_nan=False, width=32).map(Float),
    st.text("abcdefgh:-.", max_size=40).map(Symbol),
    st.binary(min_size=8, max_size=8).map(Decimal),
    st.integers(0, 0x10FFFF).map(Char),
    whole(Ubyte, 8, signed=False),
    whole(Ushort, 16, signed=False),
    whole(Uint, 32, signed=False),
    whole(Ulong, 64, signed=False),
    whole(Byte, 8, signed=True),
    whole(Short, 16, signed=True),
    whole(Int, 32, signed=True),
    whole(Long, 64, signed=True),
    whole(Timestamp, 64, signed=True),
)
VALUES: SearchStrategy[object] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=5), inner, max_size=4),
        st.builds(Described, whole(Ulong, 64, signed=False), inner),
        st.lists(whole(Long, 64, signed=True), max_size=4).map(lambda some: Array(tuple(some))),
    ),
    max_leaves=10,
)


@given(VALUES)
def test_a_value_survives_its_encoding_with_its_type(value: object) -> None:
    reader = Reader(encode(value))

    decoded = reader.value()

    assert (decoded, reader.at_end) == (value, True)
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("43", Uint(0)),
        ("5207", Uint(7)),
        ("44", Ulong(0)),
        ("5324", Ulong(0x24)),
        ("54ff", Int(-1)),
        ("55fe", Long(-2)),
        ("45", []),
        ("41", True),
        ("a10161", "a"),
        ("a302626f", Symbol("bo")),
        ("c00502a1016140", ["a", None]),
        ("c10502a1016141", {"a": True}),
        ("e0040255" + "0102", Array((Long(1), Long(2)))),
        ("98" + "00" * 16, UUID(int=0)),
        ("005324c001" + "00", Described(Ulong(0x24), [])),
    ],
)
def test_the_short_forms_of_other_clients_are_read(encoded: str, value: object) -> None:
    assert Reader(bytes.fromhex(encoded)).value() == value


@given(st.binary(max_size=60))
def test_bytes_that_are_no_amqp_raise_one_error(data: bytes) -> None:
    with suppress(ProtocolError):
        parse(data)


def test_a_bare_whole_number_has_no_type() -> None:
    with pytest.raises(TypeError, match="int is no type"):
        encode(7)
    with pytest.raises(struct.error):
        encode(Ubyte(300))
