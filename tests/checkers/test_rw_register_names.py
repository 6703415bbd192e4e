"""The names of anomalies of registers: what must be named, what must not, and brute force over all version orders."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from oracle.cycles import PHENOMENA, Phenomenon, closed_upward

from checkers.graphs import kernels as graph_kernels
from checkers.versions import kernels
from checkers.versions.names import NamedAnomalies, names_of
from checkers.versions.observations import observe
from harness.build import build_history
from harness.history import Status, Txn
from harness.verdict import Anomaly
from tests.checkers.compiled import compiled
from tests.checkers.random_registers import random_registers
from tests.checkers.rows import history, r, row, w
from tests.checkers.version_orders import TooMany, always_holding

SEEDS = 1_600
PARTS = 4
SEEDS_COMPILED = 300
_SMALLEST = {one.name: one for one in reversed(PHENOMENA)}
EVER = (1, 9)


def judged(*rows: Txn, cut: str = "") -> NamedAnomalies:
    return names_of(observe(history(*rows, cut=cut)))


def names(*rows: Txn, cut: str = "") -> list[str]:
    return sorted(one.name for one in judged(*rows, cut=cut).anomalies)


def only(*rows: Txn) -> Anomaly:
    (found,) = judged(*rows).anomalies
    return found


def test_a_history_without_anomalies_has_no_names() -> None:
    """Transactions that ran one after another and saw each other's writes are accused of nothing."""
    rows = (row(0, 1, 2, r("x"), w("x", 1)), row(1, 3, 4, r("x", 1), w("y", 2)), row(0, 5, 6, r("x", 1), r("y", 2)))
    found = judged(*rows)
    assert found.anomalies == ()
    assert (found.ww, found.wr, found.rw, found.predicate_rw) == (0, 3, 0, 0)


def test_a_read_of_an_aborted_write_is_g1a() -> None:
    """G1a: a committed reader saw the write of a transaction that aborted; an aborted one may see anything."""
    aborted = row(0, *EVER, w("x", 1), status=Status.ABORTED)
    assert names(aborted, row(1, *EVER, r("x", 1))) == ["G1a"]
    assert names(aborted, row(1, *EVER, r("x", 1), status=Status.ABORTED)) == []


def test_a_read_of_a_version_that_its_writer_replaced_is_g1b() -> None:
    """G1b: the writer itself overwrote what was read; the writer's own reads are its own business."""
    assert names(row(0, *EVER, w("x", 1), w("x", 2)), row(1, *EVER, r("x", 1))) == ["G1b"]
    assert names(row(0, *EVER, w("x", 1), r("x", 1), w("x", 2)), row(1, *EVER, r("x", 2))) == []


def test_a_transaction_that_contradicts_itself_is_internal() -> None:
    """internal: another value than the one it had just written or read itself."""
    others = row(1, *EVER, w("x", 1), w("y", 1)), row(2, *EVER, w("x", 2))
    assert "internal" in names(row(0, *EVER, r("x", 1), r("x", 2)), *others)
    assert "internal" in names(row(0, *EVER, w("x", 3), r("x", 1)), *others)
    assert "internal" not in names(row(0, *EVER, r("x", 1), r("x", 1), w("x", 3), r("x", 3)), *others)


def test_a_read_of_an_own_later_write_is_a_future_read() -> None:
    """future-read: the value came from a write that the reader had yet to make."""
    assert only(row(0, *EVER, r("x", 1), w("x", 1))).name == "future-read"


def test_a_value_that_nobody_wrote_is_garbage_but_in_a_cut_history() -> None:
    """garbage-read: unless the write may be in the part of the log that is missing."""
    rows = row(0, *EVER, r("x", 7)), row(1, *EVER, w("x", 1)), row(2, *EVER, w("x", 2))
    assert names(*rows) == ["garbage-read"]
    assert names(*rows, cut="the log ends early") == []


def test_two_updates_of_one_version_are_a_lost_update_and_a_g_single() -> None:
    """lost-update: whichever of the two came first, the other one read what was already replaced."""
    rows = row(0, *EVER, r("x"), w("x", 1)), row(1, *EVER, r("x"), w("x", 2))
    assert names(*rows) == ["G-single-item", "lost-update"]
    garbage = row(0, *EVER, r("x", 0), w("x", 1)), row(1, *EVER, r("x", 0), w("x", 2))
    assert "lost-update" in names(*garbage)
    assert names(row(0, 1, 2, r("x"), w("x", 1)), row(1, 3, 4, r("x", 1), w("x", 2))) == []


def test_versions_each_made_from_the_other_are_cyclic() -> None:
    """cyclic-versions, and with it G1c: each of two transactions read the version that the other one made."""
    rows = row(0, *EVER, r("x", 2), w("x", 1)), row(1, *EVER, r("x", 1), w("x", 2))
    assert names(*rows) == ["G1c", "cyclic-versions"]


def test_a_plain_stale_read_is_found() -> None:
    """A read of what an acknowledged write had replaced before the reader began; Elle passes it by default."""
    found = only(row(0, 1, 2, w("x", 1)), row(1, 3, 4, w("x", 2)), row(2, 5, 6, r("x", 1)))
    assert (found.name, found.txns) == ("G-single-item-realtime", (2, 1))
    assert [step.kind for step in found.steps] == ["rw", "realtime"]
    assert found.steps[0].sentence == (
        "T2 read x as 1, and T1 wrote 2 to x after that: T0, which wrote 1 to x, had ended before T1 began, "
        "which wrote 2 to x. So T2 comes before T1."
    )
    assert names(row(0, 1, 2, w("x", 1)), row(1, 3, 5, w("x", 2)), row(2, 5, 6, r("x", 1))) == []


def test_a_stale_read_within_a_session_needs_no_real_time() -> None:
    """The same by one client is an anomaly of its session."""
    found = only(row(0, 1, 2, w("x", 1)), row(0, 3, 4, w("x", 2)), row(0, 5, 6, r("x", 1)))
    assert found.name == "G-single-item-process"


def test_a_fractured_read_is_found() -> None:
    """w{x1,y1}; w{x2,y2}; r{x1,y2}: the writes have no order, and each one is refuted; Elle passes it."""
    writers = row(0, *EVER, w("x", 1), w("y", 1)), row(1, *EVER, w("x", 2), w("y", 2))
    found = only(*writers, row(2, *EVER, r("x", 1), r("y", 2)))
    assert found.name == "G-single-item"
    assert [step.kind for step in found.steps] == ["rw", "wr"]
    assert len(found.details) == 2
    assert names(*writers, row(2, *EVER, r("x", 1), r("y", 1))) == []


def test_blind_writes_in_opposite_orders_are_no_anomaly() -> None:
    """Two writers of the same two keys, of which nobody saw anything: either order will do."""
    assert names(row(0, *EVER, w("x", 1), w("y", 1)), row(1, *EVER, w("y", 2), w("x", 2))) == []


def test_write_skew_and_long_fork_have_their_names() -> None:
    """Each missed the other's write: G2-item. Readers that disagree on which write came first: G-nonadjacent-item."""
    assert only(row(0, *EVER, r("x"), w("y", 1)), row(1, *EVER, r("y"), w("x", 2))).name == "G2-item"
    writers = row(0, *EVER, w("x", 1)), row(1, *EVER, w("y", 2))
    readers = row(2, *EVER, r("x", 1), r("y")), row(3, *EVER, r("x"), r("y", 2))
    assert only(*writers, *readers).name == "G-nonadjacent-item"


def test_an_unknown_transaction_that_was_read_from_counts_and_another_does_not() -> None:
    """Nobody knows when an UNKNOWN transaction took effect, if it did: no order leads out of it."""
    unknown = row(0, 1, 2, w("x", 1), status=Status.UNKNOWN)
    assert names(unknown, row(1, 3, 4, r("x"))) == []
    assert names(unknown, row(1, 3, 4, r("x", 1)), row(2, 5, 6, r("x"))) == ["G-single-item-realtime"]
    assert names(unknown, row(1, 3, 9, r("x", 1)), row(2, 3, 9, r("x"))) == []


def assert_never_more_than_holds(txns: list[Txn]) -> tuple[bool, bool]:
    """What is named holds under every explanation; returns whether anything does, and whether all of it is named."""
    expected = always_holding(txns)
    found = names_of(observe(build_history(txns))).anomalies
    named = at_least(found)
    assert named <= expected, [one.name for one in found]
    for one in found:
        assert_is_a_circle(one)
    return bool(expected), named == expected


def at_least(anomalies: tuple[Anomaly, ...]) -> set[Phenomenon]:
    return closed_upward(_SMALLEST[one.name] for one in anomalies if one.name in _SMALLEST)


def assert_is_a_circle(anomaly: Anomaly) -> None:
    """Steps lead from each transaction to the next one and from the last to the first, and none is met twice."""
    if anomaly.steps:
        assert [step.before for step in anomaly.steps] == list(anomaly.txns)
        assert [step.after for step in anomaly.steps] == [*anomaly.txns[1:], anomaly.txns[0]]
        assert len(set(anomaly.txns)) == len(anomaly.txns) > 1


@pytest.mark.parametrize("part", range(PARTS))
def test_a_name_is_only_given_where_every_version_order_has_it(part: int) -> None:
    """On random histories no name is given that brute force does not find under all orders, and few are missed."""
    wrong = missed = 0
    for seed in range(part, SEEDS, PARTS):
        try:
            holds, all_named = assert_never_more_than_holds(random_registers(seed))
        except TooMany:
            continue
        wrong += holds
        missed += not all_named
    assert wrong >= 80
    assert missed <= wrong // 50


@pytest.fixture
def compiled_kernels() -> Iterator[None]:
    """The kernels compiled, and back again afterwards."""
    with compiled(kernels, graph_kernels):
        yield


@pytest.mark.usefixtures("compiled_kernels")
def test_compiled_kernels_name_the_same() -> None:
    """The one source of the kernels gives the same answers when it is compiled."""
    assert hasattr(kernels.walk, "py_func")
    for seed in range(SEEDS_COMPILED):
        compiled_names = names_of(observe(build_history(random_registers(seed)))).anomalies
        with pytest.MonkeyPatch.context() as patch:
            for name in kernels.KERNELS:
                patch.setattr(kernels, name, getattr(kernels, name).py_func)
            assert names_of(observe(build_history(random_registers(seed)))).anomalies == compiled_names


def test_enough_of_real_time_is_kept() -> None:
    """Of all pairs of versions in real time those that are left out follow from those that are kept."""
    for seed in range(500):
        rng = np.random.default_rng(seed)
        size = int(rng.integers(1, 10))
        key, first_end, last_start = (
            np.sort(rng.integers(0, 2, size)),
            rng.integers(0, 15, size),
            rng.integers(0, 15, size),
        )
        order = np.lexsort((first_end, key))
        first_end, last_start = first_end[order], last_start[order]
        two = kernels.latest_two(key, last_start)
        begin, end = np.searchsorted(key, key, side="left"), np.searchsorted(key, key, side="right")
        before, after = kernels.in_real_time(begin, end, first_end, last_start, *two)
        places = range(size)
        every = {
            (i, j) for i in places for j in places if i != j and key[i] == key[j] and first_end[i] < last_start[j]
        }
        kept = set(zip(before.tolist(), after.tolist(), strict=True))
        assert kept <= every
        if not any((j, i) in every for i, j in every):
            assert every <= followed(kept)


def followed(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    while more := {(i, m) for i, j in pairs for k, m in pairs if j == k} - pairs:
        pairs = pairs | more
    return pairs
