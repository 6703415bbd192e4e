"""Tuples as keys: packed they keep their order, and come back."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from engine import KEY_LENGTH_MAX, InvalidKey
from engine.models.packing import pack, unpack

NUMBERS = st.integers() | st.sampled_from([0, -1, 255, 256, -256, -257, 2**64, -(2**64)])
KINDS = (
    st.text(max_size=4) | st.text("\0\1\2", max_size=4),
    st.binary(max_size=4) | st.text("\0\1\2", max_size=4).map(str.encode),
    NUMBERS,
    st.floats(allow_nan=False),
    st.booleans(),
)
ITEMS = st.one_of(*KINDS, st.none())
SAME_KINDS = st.lists(st.sampled_from(KINDS), min_size=1, max_size=3).flatmap(
    lambda kinds: st.tuples(st.tuples(*kinds), st.tuples(*kinds))
)


@given(st.lists(ITEMS, max_size=4).map(tuple))
@settings(derandomize=True, database=None)
def test_what_was_packed_comes_back(items: Any) -> None:
    """Unpacking gives the same items of the same types."""
    found = unpack(pack(items))
    assert found == items
    assert [type(item) for item in found] == [type(item) for item in items]


@given(SAME_KINDS)
@settings(derandomize=True, database=None, max_examples=500)
def test_packed_tuples_keep_their_order(pair: Any) -> None:
    """Tuples of the same types compare as their packed forms do, equal ones included."""
    one, other = pair
    assert (pack(one) < pack(other)) == (one < other)
    assert (pack(one) == pack(other)) == (one == other)


@given(st.lists(ITEMS, max_size=2).map(tuple), st.lists(ITEMS, max_size=2).map(tuple), st.binary(max_size=2))
@settings(derandomize=True, database=None)
def test_a_tuple_is_the_beginning_of_longer_ones_only(one: Any, other: Any, rest: bytes) -> None:
    """What is packed begins with another packed tuple exactly where the tuple does, whatever stands behind it."""
    below = pack(other)[: len(pack(one))] == pack(one)
    assert below == (len(one) <= len(other) and pack(other[: len(one)]) == pack(one))
    if below:
        assert pack(one) <= pack(other) < pack(one) + b"\xff"
    assert unpack(pack(("x",)) + pack(one)) == ("x", *one)


def test_the_bytes_are_the_documented_ones() -> None:
    """Each type has its tag and form: what is stored today can be read tomorrow."""
    packed = pack((None, False, True, 0, 1, -1, 256, -257, b"a\0", "é"))
    assert packed == (
        b"\x01\x02\x03" b"\x04\x80" b"\x04\x81\x01" b"\x04\x7f" b"\x04\x82\x01\x00" b"\x04\x7d\xfe\xff"
        b"\x06a\0\1\0\0" b"\x07\xc3\xa9\0\0"
    )  # fmt: skip
    assert pack((1.0, -1.0)) == b"\x05\xbf\xf0" + b"\0" * 6 + b"\x05\x40\x0f" + b"\xff" * 6
    assert pack((-0.0,)) == pack((0.0,))


@pytest.mark.parametrize("item", [float("nan"), "\ud800", (1,), [1], 1j, "x" * KEY_LENGTH_MAX, 1 << 1016], ids=repr)
def test_what_has_no_place_is_refused(item: Any) -> None:
    """NaN, lone surrogates, other types and what is too long are InvalidKey."""
    with pytest.raises(InvalidKey):
        pack((item,))
