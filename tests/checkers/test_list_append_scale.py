"""What only large histories and large components meet: planted anomalies, budgets, and orders that nobody read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from oracle.notation import txns

from benchmarks.histories import (
    PLANTS,
    list_append_history,
    plant,
    ring_history,
    stale_history,
    stale_read_history,
)
from checkers.graphs import kernels, order_search
from checkers.graphs.cycles import find_cycles
from checkers.graphs.graph import residue
from checkers.lists import list_kernels, phenomena_kernels
from checkers.lists.dependencies import dependencies
from checkers.lists.list_append import check_list_append
from checkers.lists.observations import observe
from harness.build import build_history
from harness.fingerprint import canonical_rotation
from harness.history import SCALAR, History, Op, Status, Txn
from harness.level import level
from harness.verdict import Findings, Outcome, judge
from tests.checkers.compiled import compiled

MODULES = (kernels, list_kernels, phenomena_kernels)


@pytest.fixture
def compiled_kernels() -> Iterator[None]:
    """The kernels compiled, and back again afterwards."""
    with compiled(*MODULES):
        yield


def counts(findings: Findings) -> dict[str, int]:
    return {one.name: one.count for one in findings.anomalies}


def judged(text: str) -> Findings:
    return check_list_append(build_history(txns(text)))


def test_made_up_histories_are_well_formed_and_correct() -> None:
    """The columns written directly are a history without any anomaly, and a builder makes the same of its rows."""
    history = list_append_history(3_000)
    history._check()
    assert check_list_append(history).anomalies == ()
    small = list_append_history(300)
    assert list(build_history(small.txns()).txns()) == list(small.txns())


def test_planted_anomalies_are_found_where_they_are_and_nothing_else() -> None:
    """Each planted cycle is counted, named, and shown by the very rows that were planted."""
    history, planted = plant(list_append_history(2_000), 2 * len(PLANTS))
    history._check()
    findings = check_list_append(history)
    assert counts(findings) == {**dict.fromkeys(PLANTS, 2), "lost-append": 2}
    for anomaly in findings.anomalies:
        if anomaly.steps:
            assert any(set(anomaly.txns) <= set(one.rows) for one in planted if one.name == anomaly.name)
    assert int(findings.stats["in_cycles"]) < 100


def test_real_time_that_ties_a_whole_history_hides_nothing() -> None:
    """A stale read at the end of a correct history is named, with a pair as its witness."""
    findings = check_list_append(stale_read_history(3_000))
    assert findings.doubts == ()
    assert counts(findings) == {"lost-append": 1, "G-single-item-realtime": 1}
    (cycle,) = [one for one in findings.anomalies if one.steps]
    assert [step.kind for step in cycle.steps] == ["rw", "realtime"]
    assert int(findings.stats["in_cycles"]) > 2_900


@pytest.mark.usefixtures("compiled_kernels")
def test_a_component_of_most_transactions_is_named() -> None:
    """A giant component with many short cycles reports its smallest class once."""
    findings = check_list_append(stale_history(3_000))
    assert findings.doubts == ()
    assert counts(findings)["G-single-item"] == 1
    assert int(findings.stats["in_cycles"]) > 2_500


@pytest.mark.usefixtures("compiled_kernels")
def test_a_cycle_of_all_transactions_is_its_own_witness() -> None:
    """Where the only cycle is a long one, it is found whole; its sentence names some of its transactions only."""
    findings = check_list_append(ring_history(1_000))
    (anomaly,) = findings.anomalies
    assert (anomaly.name, anomaly.count, len(set(anomaly.txns))) == ("G-nonadjacent-item", 1, 1_000)
    assert sorted(step.kind for step in anomaly.steps) == ["rw"] * 500 + ["wr"] * 500
    assert len(anomaly.sentence) < 400


def test_a_spent_budget_leaves_a_witness_and_says_what_is_open() -> None:
    """With hardly any budget a class is still named and shown, and the smaller class is told as not searched for."""
    seen = observe(ring_history(40))
    edges, _ = dependencies(seen)
    search = find_cycles(seen.history, residue(seen.history, seen.included, edges), budget=1)
    (cycle,) = search.cycles
    assert (str(cycle.name), len(cycle.links)) == ("G-nonadjacent-item", 40)
    assert [(str(one.name), one.count) for one in search.doubtful] == [("G-nonadjacent-item", 1)]
    assert [str(name) for name in search.doubtful[0].open] == ["G-single-item"]


def test_a_doubt_about_classes_concerns_only_the_levels_that_they_refute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a write skew whose unread appends were too many to order, snapshot isolation is open and the rest is not."""
    monkeypatch.setattr(order_search, "PAIRS_MAX", 0)
    findings = judged("ry az1 ax1; rz ay2 ax2")
    assert counts(findings) == {"G2-item": 1}
    assert judge(findings, level("serializable")).outcome is Outcome.FAIL
    assert judge(findings, level("snapshot-isolation")).outcome is Outcome.UNKNOWN
    assert judge(findings, level("read-committed"), strict_evidence=False).outcome is Outcome.PASS


def ring_of_appends(count: int, appending: int) -> list[Txn]:
    """Each reads its successor's key as empty and appends to its own; the first `appending` append to x too.

    They end in the opposite order, so that the order of the ends is a wrong guess.
    """
    return [
        Txn(
            id=0,
            client=i,
            ops=(
                Op("r", f"z{(i + 1) % count}", []),
                Op("append", f"z{i}", 1),
                *([Op("append", "x", i)] if i < appending else []),
            ),
            status=Status.OK,
            start=0,
            end=100 - i,
        )
        for i in range(count)
    ]


def test_no_order_of_many_unread_appends_keeps_snapshots() -> None:
    """Nine appends to one key have 362,880 orders: each goes against some anti-dependency of the ring around them."""
    findings = check_list_append(build_history(ring_of_appends(9, 9)))
    assert findings.doubts == ()
    (anomaly,) = findings.anomalies
    assert (anomaly.name, [step.kind for step in anomaly.steps].count("rw")) == ("G-single-item", 1)
    assert level("parallel-snapshot-isolation") in findings.refuted


def test_one_order_of_many_unread_appends_that_keeps_snapshots_is_found() -> None:
    """With one of the nine left out of the key there is an order, though not that of the ends."""
    findings = check_list_append(build_history(ring_of_appends(9, 8)))
    assert findings.doubts == ()
    assert counts(findings) == {"G2-item": 1}
    assert level("snapshot-isolation") not in findings.refuted


def test_orders_may_keep_parallel_snapshots_and_no_snapshots() -> None:
    """Either order of x closes a cycle with two anti-dependencies apart, and none with a single one."""
    findings = judged("rm au1 ax1; rn av1 ax2; an1 as1; rs1 ru; am1 at1; rt1 rv")
    assert counts(findings) == {"G-nonadjacent-item": 1}
    assert level("snapshot-isolation") in findings.refuted
    assert level("parallel-snapshot-isolation") not in findings.refuted


def test_edges_that_close_no_cycle_are_searched_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a long ring of read skews apart, the order of two unread appends is decided in few searches."""
    calls = []
    ways_back = order_search.ways_back
    monkeypatch.setattr(order_search, "ways_back", lambda *a, **more: calls.append(a) or ways_back(*a, **more))
    rows = []
    for i in range(200):
        reads = [Op("r", i - 1, [1]), Op("r", (i + 1) % 200, [])] if i % 2 else []
        ops = (Op("append", i, 1), *reads, *([Op("append", "x", i)] if i in {0, 3} else []))
        rows.append(Txn(0, i, ops, Status.OK, 0, 1_000 - i))
    findings = check_list_append(build_history(rows))
    assert (counts(findings), findings.doubts) == ({"G-nonadjacent-item": 1}, ())
    assert 0 < len(calls) < 30


@pytest.mark.parametrize(
    ("text", "names"),
    [
        # The session leads from T0 to T2 across the UNKNOWN one between them, which T2 saw.
        ("0 1-2 ax1; 0 3-4 unknown ay1; 0 5-6 rx ry1", {"lost-append", "G-single-item-process"}),
        # So does real time.
        ("0 1-2 ax1; 1 3-4 unknown ay1; 2 5-6 rx ry1", {"lost-append", "G-single-item-realtime"}),
        # Nothing follows the UNKNOWN one itself, though it was seen later.
        ("0 1-2 unknown ay1; 0 3-4 ry; 1 5-6 ry1", set()),
        # It follows what ended before it began, and what it read counts.
        ("0 1-2 ax1; 1 3-4 unknown rx ay1; 2 3-9 ry1", {"lost-append", "G-single-item-realtime"}),
        # The same where nobody saw it: then it need not have happened.
        ("0 1-2 ax1; 1 3-4 unknown rx ay1; 2 3-9 ry", set()),
    ],
)
def test_order_leads_into_and_across_an_indeterminate_transaction_and_not_out_of_it(
    text: str, names: set[str]
) -> None:
    """An included UNKNOWN transaction keeps its incoming order and its reads; nothing has to come after it."""
    assert set(counts(judged(text))) == names


@pytest.mark.usefixtures("compiled_kernels")
def test_operations_that_do_not_belong_are_told_and_never_followed() -> None:
    """Compiled loops without bounds meet lists appended, numbers read and scans: only doubts are left."""
    rows = [
        Txn(0, 0, (Op("append", "x", [7, 8, 9] * 50), Op("r", "x", 5)), Status.OK, 0, 1),
        Txn(0, 1, (Op("scan", "k", {f"k{i}": i for i in range(40)}), Op("r", "y", [1, 2])), Status.OK, 0, 1),
    ]
    findings = check_list_append(build_history(rows))
    assert [doubt.reason for doubt in findings.doubts] == ["evidence"] * 3
    assert findings.anomalies == ()


def test_the_same_element_twice_is_told_wherever_it_stands() -> None:
    """An element appended twice to a key is found among many, and the same element of another key is none."""
    history = list_append_history(500)
    appends = np.flatnonzero((history.op_length == SCALAR) & (history.op_key == history.op_key[0]))
    value = history.op_value.copy()
    value[appends[-1]] = value[appends[0]]
    assert check_list_append(history).doubts == ()
    (doubt,) = check_list_append(replace(history, op_value=value)).doubts
    assert "more than once" in doubt.sentence


def test_lists_that_overlap_are_refused_before_they_fill_memory() -> None:
    """Seventy thousand lists within one of that length would be more places than an int32 can number."""
    count = 70_000
    many = np.arange(count)
    history = replace(
        build_history([Txn(0, 0, (Op("r", "x", [0, 1]),) * count, Status.OK, 0, 1)]),
        elements=np.zeros(count, dtype=np.int32),
        op_value=many,
        op_length=(count - many).astype(np.int32),
    )
    history._check()
    with pytest.raises(ValueError, match="lists overlap"):
        observe(history)


def test_copies_of_lists_are_judged_as_shared_ones() -> None:
    """A list stored once for each read gives the same findings as one that all reads share."""
    history, _ = plant(list_append_history(600), 6)
    assert counts(check_list_append(_copied(history))) == counts(check_list_append(history))


def _copied(history: History) -> History:
    size = np.maximum(history.op_length, 0).astype(np.int64)
    first = np.cumsum(size) - size
    places = np.repeat(history.op_value - first, size) + np.arange(int(size.sum()))
    value = np.where(history.op_length >= 0, first, history.op_value)
    return replace(history, op_value=value, elements=history.elements[places])


def test_the_smallest_rotation_is_the_least_of_all() -> None:
    """The linear search gives the rotation that comparing all of them gives."""
    for length in range(1, 8):
        for kinds in product(("rw", "wr", "ww"), repeat=length):
            assert canonical_rotation(kinds) == min(kinds[i:] + kinds[:i] for i in range(length))
