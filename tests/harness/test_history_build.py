"""Histories as columns: what goes in comes out, values keep their types, and bad columns are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.build import build_history, frozen
from harness.history import UNSEEN, History, Op, RunInfo, Status, Txn

VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
KEYS = st.sampled_from(["x", "y", 1, ("a", 2)])
LISTS = st.lists(st.integers(0, 5), max_size=5)
OPS = st.one_of(
    st.builds(lambda k, v: Op("r", k, v), KEYS, st.just(UNSEEN) | VALUES | LISTS),
    st.builds(lambda k, v: Op("w", k, v), KEYS, VALUES),
    st.builds(lambda k, v: Op("append", k, v), KEYS, VALUES),
    st.builds(lambda v: Op("scan", ("a", "b"), v), st.dictionaries(KEYS, VALUES, max_size=4)),
)


@st.composite
def transactions(draw: st.DrawFn) -> list[Txn]:
    """Transactions in the order of their starts, numbered as a history numbers its rows."""
    starts = sorted(draw(st.lists(st.integers(0, 50), max_size=8)))
    return [
        Txn(
            row,
            draw(st.integers(0, 3)),
            tuple(draw(st.lists(OPS, max_size=5))),
            draw(st.sampled_from(Status)),
            start,
            start + draw(st.integers(0, 9)),
            draw(st.sampled_from(["", "refused"])),
        )
        for row, start in enumerate(starts)
    ]


@settings(max_examples=300, deadline=None)
@given(transactions())
def test_what_goes_in_comes_out(txns: list[Txn]) -> None:
    """Every transaction of a history is the one that was put in, values with their types."""
    history = build_history(txns)
    seen = list(history.txns())
    assert seen == txns
    assert repr(seen) == repr(txns)


def test_values_are_told_apart_by_type() -> None:
    """1, True, 1.0 and "1" are four values."""
    history = build_history([Txn(0, 0, tuple(Op("w", "x", one) for one in (1, True, 1.0, "1", 1)), Status.OK, 0, 1)])
    assert len(history.values) == 4
    assert [repr(op.value) for op in history.txn(0).ops] == ["1", "True", "1.0", "'1'", "1"]


def test_reads_of_one_list_share_its_storage() -> None:
    """Reads of beginnings of one list take no more room than the list; a list that differs takes its own."""
    lists: list[list[int]] = [[1], [1, 2, 3], [1, 2], [], [1, 4]]
    history = build_history(
        [Txn(row, row, (Op("r", "x", one),), Status.OK, row, row) for row, one in enumerate(lists)]
    )
    assert len(history.elements) == 3 + 2
    assert [history.txn(row).ops[0].value for row in range(len(lists))] == lists


def test_rows_come_in_the_order_of_their_starts() -> None:
    """Transactions added in any order are numbered by start, and ties keep their order."""
    history = build_history([Txn(0, client, (), Status.OK, start, 9) for client, start in ((1, 5), (2, 3), (3, 5))])
    assert history.client.tolist() == [2, 1, 3]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, [2]], (1, (2,))),
        ({"b": 1, "a": [2]}, ("#map", ("a", (2,)), ("b", 1))),
        (2**70, ("#int", str(2**70))),
        ({3}, ("#set", 3)),
        ("\ud800", ("#str", b"\xed\xa0\x80")),
        (np.float64(1.5), 1.5),
        (1j, ("#complex", "1j")),
    ],
)
def test_any_value_has_a_form_that_survives(value: object, expected: object) -> None:
    """What msgpack cannot hold becomes a tagged tuple, and a driver's own number a plain one."""
    assert frozen(value) == expected
    assert type(frozen(value)) is type(expected)


def history() -> History:
    return build_history(
        [Txn(0, 0, (Op("append", "x", 7), Op("r", "x", [7])), Status.OK, 1, 2)], RunInfo(workload="list-append")
    )


@pytest.mark.parametrize(
    ("column", "values", "sentence"),
    [
        ("client", [0, 1], "txn columns differ in length"),
        ("op_key", [0], "op columns differ in length"),
        ("op_offset", [0, 3], "op_offset does not run from 0 to the number of operations"),
        ("status", [3], "status out of range"),
        ("end", [0], "a transaction ends before it starts"),
        ("error", [9], "error out of range"),
        ("op_kind", [0, 99], "op_kind out of range"),
        ("op_key", [0, 5], "op_key out of range"),
        ("op_length", [-3, 1], "op_length below -2"),
        ("op_value", [4, 0], "op_value out of range"),
        ("op_value", [0, 1], "a list outside elements"),
        ("op_value", [0, 2**63 - 1], "a list outside elements"),
        ("elements", [9], "an element out of range"),
    ],
)
def test_a_number_that_points_nowhere_is_refused(column: str, values: list[int], sentence: str) -> None:
    """Kernels index by these columns, so a history with a wrong number never reaches one."""
    whole = history()
    broken = replace(whole, **{column: np.array(values, dtype=getattr(whole, column).dtype)})
    whole._check()
    with pytest.raises(ValueError, match=f"malformed history: {sentence}"):
        broken._check()
