"""Values as Python: what is written evaluates to what it was, and says short what is long and even."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.expressions import Expression, generalised, written


def value_of(expression: str, **names: Any) -> Any:
    return eval(expression, names)  # noqa: S307  That is what an expression is for.


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_the_value(value: Any) -> None:
    """The text evaluates to an equal value of the same type."""
    seen = value_of(written(value))
    assert type(seen) is type(value)
    assert seen == value


@given(st.text(min_size=1, max_size=8), st.integers(1, 400), st.text(max_size=200), st.text(max_size=200))
def test_repeated_texts_are_the_value(unit: str, times: int, before: str, after: str) -> None:
    """A text that repeats itself in any part evaluates to itself, as text and as bytes."""
    value = before + unit * times + after
    assert value_of(written(value)) == value
    stored = value.encode("utf-8")
    assert value_of(written(stored)) == stored


@given(st.integers(0, 10**6), st.integers(1, 1000), st.integers(2, 30), st.sampled_from(["k%d", "k%03d/x%%%d", "%d"]))
def test_general_forms_are_the_values(start: int, step: int, count: int, form: str) -> None:
    """Where an expression of i is found it gives each value at its place."""
    numbers = [start + step * i for i in range(count)]
    for values in (
        numbers,
        [(form % ((one,) * (form.count("d")))).encode() for one in numbers],
        [("same", one, [str(one)]) for one in numbers],
    ):
        expression = generalised(values)
        assert expression is not None
        assert [value_of(expression, i=i) for i in range(count)] == values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"x" * 10_000_000, "b'x' * 10000000"),
        ("abc" * 100 + "ab", "('abc' * 100 + 'ab')"),
        ("INSERT ('" + "ab'" * 4000 + "')", "('INSERT (' + \"'ab\" * 4000 + \"'')\")"),
        ([b"key %03d" % i for i in range(100)], "[b'key %03d' % i for i in range(100)]"),
        ([(b"a", 1), (b"b", 2)], "[(b'a', 1), (b'b', 2)]"),
        ((1,), "(1,)"),
        (Expression("path"), "path"),
        (np.zeros((2, 3), np.float32), "[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]"),
        (np.zeros(5), "[0.0 for i in range(5)]"),
    ],
)
def test_how_it_is_said(value: Any, text: str) -> None:
    """Long and even values are said by their rule, short ones as they are, code as it is."""
    assert written(value) == text


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 4],
        [b"a1", b"b2"],
        ["a1", "a01", "a1"],
        [1, 1.0],
        [True, False],
        ["1", 2],
        [(1,), (1, 2)],
        [b"x 9", b"x 10", b"x 12"],
        [None, 1],
    ],
)
def test_no_rule_is_found_where_there_is_none(values: list[Any]) -> None:
    """Uneven numbers, other texts, other widths, other types and other lengths have no general form."""
    assert generalised(values) is None


def test_texts_that_repeat_evenly() -> None:
    """Values that are each a unit as often are said by the unit's rule."""
    values = [f"value {number}".encode() * 20 for number in range(12)]
    assert generalised(values) == "(b'value %d' % i) * 20"
