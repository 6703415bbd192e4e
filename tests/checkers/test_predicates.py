"""Range reads: what a scan did not return is evidence, deletes make it an either/or, and brute force agrees."""

from __future__ import annotations

import numpy as np
import pytest
from oracle.cycles import PHENOMENA, closed_upward

from checkers.joins import Ints
from checkers.predicates import check_predicates
from checkers.versions.key_ranges import KeyRanges
from harness.build import build_history
from harness.history import History, Op, RunInfo, Status, Txn
from harness.level import Level, refuted_by
from harness.verdict import Findings
from tests.checkers.random_registers import random_registers
from tests.checkers.rows import history, r, row, w
from tests.checkers.version_orders import TooMany, always_holding
from tests.workloads.mock_database import KEEPS, simulate
from workloads import WORKLOADS

SEEDS = 800
PARTS = 4
EXPLANATIONS_MAX = 300
EVER = (1, 9)
_SMALLEST = {one.name: one for one in reversed(PHENOMENA)}


def scan(found: dict[str, object], asked: object = ("a", "zz")) -> Op:
    return Op("scan", asked, found)


def delete(key: str) -> Op:
    return Op("delete", key)


def judged(*rows: Txn, cut: str = "") -> Findings:
    return check_predicates(history(*rows, cut=cut))


def names(*rows: Txn, cut: str = "") -> list[str]:
    return sorted(one.name for one in judged(*rows, cut=cut).anomalies)


def test_two_inserts_into_ranges_found_empty_are_a_phantom() -> None:
    """G2: neither scan saw the other's new key. Where one of them did, all is well."""
    first = row(0, *EVER, scan({}), w("x", 1))
    (found,) = judged(first, row(1, *EVER, scan({}), w("y", 2))).anomalies
    assert (found.name, found.txns) == ("G2", (0, 1))
    assert [(step.kind, step.predicate, step.key) for step in found.steps] == [("rw", True, "y"), ("rw", True, "x")]
    assert found.steps[0].sentence == (
        "T0 found no y in its range, and T1 wrote 2 to y after that: whatever is written comes after the initial "
        "state. So T0 comes before T1."
    )
    assert names(first, row(1, *EVER, scan({"x": 1}), w("y", 2))) == []


def test_keys_outside_of_the_range_are_no_evidence() -> None:
    """A scan says nothing of keys it did not ask for: by bounds, the upper one excluded, or by prefix."""
    for asked in (("a", "x"), "u"):
        skew = row(0, *EVER, scan({}, asked), w("x", 1)), row(1, *EVER, scan({}, asked), w("y", 2))
        assert names(*skew) == []
    assert names(row(0, *EVER, scan({}, "x"), w("y", 1)), row(1, *EVER, scan({}, "y"), w("x", 2))) == ["G2"]


def test_a_returned_key_is_read_as_an_item() -> None:
    """Half of a transaction's effects in one scan: G-single-item by what it returned, G-single by what it missed."""
    writer = row(0, *EVER, r("x", 1), w("x", 2), w("y", 2))
    before = row(1, *EVER, w("x", 1))
    assert names(before, writer, row(2, *EVER, scan({"x": 1, "y": 2}))) == ["G-single-item", "fractured-read"]
    assert names(before, writer, row(2, *EVER, scan({"x": 2}))) == ["G-single", "fractured-read"]


def test_a_scan_that_missed_an_ended_insert_is_stale_in_real_time() -> None:
    """The insert was acknowledged before the scan began; by the same client it is a matter of the session."""
    assert names(row(0, 1, 2, w("x", 1)), row(1, 3, 4, scan({}))) == ["G-single-realtime"]
    assert names(row(0, 1, 2, w("x", 1)), row(0, 3, 4, scan({}))) == ["G-single-process", "fractured-read-process"]
    assert names(row(0, 1, 3, w("x", 1)), row(1, 3, 4, scan({}))) == []


def test_a_delete_makes_a_missing_key_an_either_or() -> None:
    """Who misses a key that is deleted at some time may have come before the insert or after the delete."""
    insert, remove = row(0, *EVER, w("x", 1)), row(1, *EVER, r("x", 1), delete("x"))
    later = row(2, *EVER, w("y", 2), scan({"y": 2}))
    assert names(insert, remove, later) == []
    assert (
        names(insert, remove, row(2, *EVER, r("y"), scan({})), row(3, *EVER, w("y", 3), scan({"x": 1, "y": 3}))) == []
    )


def test_a_delete_that_came_too_late_is_excluded() -> None:
    """The scan ended before the deleter began, so it saw the key not yet there: too late, as the insert had ended."""
    insert, remove = row(0, 1, 2, w("x", 1)), row(1, 7, 8, r("x", 1), delete("x"))
    assert names(insert, remove, row(2, 3, 4, scan({}))) == ["G-single-realtime"]
    assert names(insert, remove, row(2, 3, 7, scan({}))) == []


def test_late_clocks_and_many_keys_change_nothing() -> None:
    """Deletes that were replaced in time are excluded whatever the clock shows and how many keys there are."""
    rows = [
        row(0, 0, 1, *(w(key, 1) for key in "abcdefx")),
        row(1, 2, 3, delete("x")),
        row(2, 2, 3, delete("x")),
        row(3, 4, 5, w("x", 2)),
        row(4, 6, 7, r("x")),
    ]
    for clock in (0, 2**62):
        late = [txn._replace(start=txn.start + clock, end=txn.end + clock) for txn in rows]
        assert names(*late) == ["G-single-item-realtime"]


def test_a_deleted_key_that_comes_back_is_found() -> None:
    """A read of what was deleted before the reader began: the deleter had read just that version."""
    insert, remove = row(0, 1, 2, w("x", 1)), row(1, 3, 4, r("x", 1), delete("x"))
    assert names(insert, remove, row(2, 5, 6, scan({"x": 1}))) == ["G-single-item-realtime"]


def test_a_scan_that_can_only_have_seen_the_delete_comes_after_it() -> None:
    """The scan saw something else of the inserter's, so the key was deleted for it, but it missed the deleter's y."""
    insert = row(0, *EVER, w("x", 1), w("z", 1))
    remove = row(1, *EVER, r("x", 1), delete("x"), w("y", 2))
    (found,) = judged(insert, remove, row(2, *EVER, scan({"z": 1}))).anomalies
    assert found.name == "G-single"
    assert {step.kind for step in found.steps} == {"wr", "rw"}


def test_a_delete_of_unknown_fate_may_have_been_seen() -> None:
    """An UNKNOWN delete is a candidate as any other; one that was rolled back is none."""
    insert = row(0, 1, 2, w("x", 1))
    for status, expected in ((Status.UNKNOWN, []), (Status.ABORTED, ["G-single-realtime"])):
        assert names(insert, row(1, 3, 4, delete("x"), status=status), row(2, 5, 6, scan({}))) == expected


def test_where_the_log_is_cut_a_delete_may_be_gone() -> None:
    """In a cut history nothing is concluded from a key that is missing."""
    rows = row(0, 1, 2, w("x", 1)), row(1, 3, 4, scan({"y": 2})), row(2, 1, 9, w("y", 2))
    assert names(*rows) == ["G-single-realtime"]
    assert names(*rows, cut="the log ends early") == []


def test_a_scan_without_the_transactions_own_write_is_internal() -> None:
    """internal: a transaction's scan shows its own inserts and no longer what it deleted."""
    assert names(row(0, *EVER, w("x", 1), scan({}))) == ["internal"]
    assert names(row(0, *EVER, w("x", 1)), row(1, *EVER, r("x", 1), delete("x"), scan({"x": 1}))) == ["internal"]
    assert names(row(0, *EVER, w("x", 1)), row(1, *EVER, r("x", 1), delete("x"), scan({}))) == []


def test_a_key_that_was_not_asked_for_is_garbage() -> None:
    """garbage-read: a scan that returns a key outside of its bounds."""
    assert names(row(0, *EVER, w("x", 1)), row(1, *EVER, scan({"x": 1}, ("a", "b")))) == ["garbage-read"]


def initial(*ops: Op) -> Txn:
    return Txn(0, -1, ops, Status.OK, 0, 1)


def by_sessions(*rows: Txn) -> History:
    return build_history(rows, RunInfo(clock="sessions"))


def test_a_scan_without_a_key_of_the_initial_state_missed_it() -> None:
    """predicate-read-miss: it was there from the beginning, and nobody deleted it."""
    reader = row(0, 10, 20, scan({}))
    (found,) = check_predicates(by_sessions(initial(w("x", 1)), reader)).anomalies
    assert (found.name, found.txns) == ("predicate-read-miss", (0, 1))
    assert check_predicates(by_sessions(initial(w("x", 1)), reader, row(1, 10, 20, delete("x")))).anomalies == ()


def test_strange_operations_and_values_written_twice_are_doubts() -> None:
    """Nothing is said of a history whose versions cannot be told apart, or whose ranges have no known order."""
    for rows, sentence in (
        ((row(0, *EVER, w("x", 1)), row(1, *EVER, w("x", 1))), "1 was written to x more than once: a read of it"),
        ((row(0, *EVER, Op("incr", "x", (1, 1))),), "operation incr of x is no plain read or write"),
        ((row(0, *EVER, w("x", None)), row(1, *EVER, delete("y"))), "x is not used by plain reads and writes"),
        ((row(0, *EVER, w("x", 1), scan({}, (1, "x"))),), "which keys lie in (1, 'x') is not known"),
    ):
        found = judged(*rows)
        assert found.anomalies == ()
        assert [doubt.reason for doubt in found.doubts] == ["evidence"]
        assert found.doubts[0].sentence.startswith(sentence)


def test_key_ranges_are_slices_of_the_sorted_keys() -> None:
    """By bounds or by prefix, texts, bytes and whole numbers apart, as a plain comparison says."""
    keys = ["b", "a", b"a", 3, 1, "ab", "abc", "b\U0010ffff", True, ("a",)]
    ranges = KeyRanges(keys, _numbers(len(keys)))
    for asked, expected in (
        (("a", "b"), ["a", "ab", "abc"]),
        ("ab", ["ab", "abc"]),
        ("b", ["b", "b\U0010ffff"]),
        ("", ["a", "ab", "abc", "b", "b\U0010ffff"]),
        ((b"", b"z"), [b"a"]),
        ((1, 3), [1]),
        (("b", "a"), []),
    ):
        found = ranges.slice_of(asked)
        assert found is not None
        assert [keys[number] for number in ranges.numbers[found[0] : found[1]].tolist()] == expected
    assert ranges.slice_of(("a", 1)) is None
    assert ranges.slice_of(7) is None


def _numbers(size: int) -> Ints:
    return np.arange(size, dtype=np.int64)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_name_is_only_given_where_every_explanation_has_it(part: int) -> None:
    """On random histories with scans and deletes no name is given that brute force does not find in every case."""
    wrong = missed = 0
    for seed in range(part, SEEDS, PARTS):
        txns = random_registers(seed, deletes=seed % 3 > 0, scans=True)
        try:
            expected = always_holding(txns, explanations_max=EXPLANATIONS_MAX)
        except TooMany:
            continue
        found = check_predicates(build_history(txns)).anomalies
        named = closed_upward(_SMALLEST[one.name] for one in found if one.name in _SMALLEST)
        assert named <= expected, (seed, [one.name for one in found])
        wrong += bool(expected)
        missed += named != expected
    assert wrong >= 50
    assert missed <= wrong // 10


@pytest.mark.parametrize("level", ["serializable", "snapshot-isolation", "read-committed"])
@pytest.mark.parametrize("workload", ["predicates", "predicate-skew"])
def test_what_the_database_keeps_is_proven(workload: str, level: str) -> None:
    """No doubt reaches the level that the database keeps, deletes or not."""
    for seed in range(25):
        findings = check_predicates(simulate(WORKLOADS[workload], level, seed, txns=40))
        doubted = {above for doubt in findings.doubts for above in refuted_by(doubt.levels)}
        assert Level(KEEPS[level]) not in {*doubted, *findings.refuted}, (seed, findings.doubts)


def test_a_circle_of_versions_that_rests_on_sessions_is_none_of_versions() -> None:
    """T2 may have found nothing before anything was written, but for its session's order: read-committed stands."""
    rows = (
        row(0, 0, 1, Op("scan", ("b", "c"), {"b": 1}), w("b", 2)),
        row(1, 2, 3, Op("scan", ("b", "c"), {"b": 2}), Op("delete", "b")),
        row(1, 4, 5, Op("scan", ("b", "c"), {}), w("b", 1)),
    )
    findings = check_predicates(history(*rows))
    assert "cyclic-versions" not in {one.name for one in findings.anomalies}
    assert "strong-session-read-committed" in findings.refuted
    assert "serializable" not in findings.refuted
