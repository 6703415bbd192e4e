"""unique-ids, monotonic and session-guarantees: each finds what is wrong, and never accuses what is right."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest
from rows import history, row

from checkers.invariants.monotonic import check_monotonic
from checkers.invariants.session_guarantees import check_session_guarantees
from checkers.invariants.unique_ids import check_unique_ids
from harness.build import build_history
from harness.history import UNSEEN, Op, RunInfo, Status, Txn
from harness.verdict import Findings
from tests.oracle.notation import txns

SEEDS = 3_000


def incr(key: str, number: int, added: int = 1) -> Op:
    return Op("incr", key, (added, number))


def look(key: str, number: int) -> Op:
    return Op("r", key, number or None)


def found(findings: Findings) -> list[tuple[str, tuple[int, ...], int]]:
    assert findings.doubts == ()
    return [(one.name, one.txns, one.count) for one in findings.anomalies]


# unique-ids


def test_a_number_drawn_twice_is_a_duplicate_id() -> None:
    """Only acknowledged transactions count, and each key has numbers of its own."""
    one, two = row(1, 1, 2, incr("a", 1)), row(2, 1, 3, incr("a", 1))
    assert found(check_unique_ids(history(one, two))) == [("duplicate-id", (0, 1), 1)]
    assert found(check_unique_ids(history(one, two._replace(status=Status.ABORTED)))) == []
    assert found(check_unique_ids(history(one, two._replace(status=Status.UNKNOWN)))) == []
    assert found(check_unique_ids(history(one, row(2, 1, 3, incr("b", 1))))) == []
    again = row(2, 1, 3, incr("b", 4), incr("b", 4))
    assert found(check_unique_ids(history(one, again))) == [("duplicate-id", (1,), 1)]


def test_a_counter_that_is_set_back_may_give_an_id_again() -> None:
    """Where somebody writes the counter or takes from it, a number drawn twice shows nothing."""
    twice = (row(1, 1, 2, incr("a", 1)), row(2, 1, 3, incr("a", 1)))
    for op in (Op("w", "a", 0), Op("delete", "a"), incr("a", 0, -1)):
        findings = check_unique_ids(history(*twice, row(3, 1, 4, op)))
        assert ([doubt.reason for doubt in findings.doubts], findings.anomalies) == (["evidence"], ())


def test_an_increment_that_tells_no_number_gives_no_id() -> None:
    """A counter that only says that it was added to has given nothing twice."""
    blind = Op("incr", "a", (1, None))
    findings = check_unique_ids(history(row(1, 1, 2, blind), row(2, 1, 3, blind)))
    assert (found(findings), findings.evidence[-1][:2]) == ([], ("ids given out", 0))


# monotonic


def test_the_sentence_of_a_step_names_the_numbers() -> None:
    """T2 saw T0's number of a and missed T1's of b, T3 the other way round."""
    findings = check_monotonic(
        history(
            row(1, 1, 9, incr("a", 1)),
            row(2, 1, 9, incr("b", 1)),
            row(3, 1, 9, look("a", 1), look("b", 0)),
            row(4, 1, 9, look("a", 0), look("b", 1)),
        )
    )
    (anomaly,) = findings.anomalies
    assert anomaly.name == "G-nonadjacent-item"
    assert {step.sentence for step in anomaly.steps} == {
        "T2 found a at 1, which T0 had made it.",
        "T2 found b at 0, and T1 made it a larger number.",
        "T3 found b at 1, which T1 had made it.",
        "T3 found a at 0, and T0 made it a larger number.",
    }


def test_an_increment_whose_answer_never_came_is_a_version_that_nobody_knows() -> None:
    """It may have happened or not: neither accuses a reader of 0 or 1 of anything."""
    lost = Txn(0, 1, (Op("incr", "a", UNSEEN),), Status.UNKNOWN, 1, 2)
    for number in (0, 1):
        assert found(check_monotonic(history(lost, row(2, 3, 4, look("a", number))))) == []
    stale = (lost, row(2, 3, 4, incr("a", 2)), row(3, 5, 6, look("a", 1)))
    assert found(check_monotonic(history(*stale))) == [("G-single-item-realtime", (2, 1), 1)]


def test_a_lost_update_is_no_circle_of_what_was_seen() -> None:
    """T1 made 6 of 5 after T2's 7 had replaced that 5: read committed allows it, though 6 is less than 7."""
    rows = [
        row(3, 0, 1, incr("a", 5, 5)),
        row(0, 2, 9, incr("a", 6), look("b", 1)),
        row(1, 3, 4, incr("a", 7, 2)),
        row(2, 5, 6, look("a", 7), incr("b", 1)),
    ]
    (anomaly,) = check_monotonic(history(*rows)).anomalies
    assert (anomaly.name, anomaly.sentence) == (
        "G-single-item",
        "Each must come before the next: T3 → T1 → T2 → T3, or else an update was lost.",
    )
    seen = (row(1, 1, 9, incr("a", 1), look("b", 1)), row(2, 1, 9, look("a", 1), incr("b", 1)))
    assert found(check_monotonic(history(*seen))) == [("G1c", (0, 1), 1)]
    unanswered = Txn(0, 3, (Op("incr", "a", UNSEEN),), Status.UNKNOWN, 1, 9)
    assert found(check_monotonic(history(*seen, unanswered))) == [("G-single-item", (0, 1), 1)]


def test_a_number_of_an_aborted_increment_is_g1a() -> None:
    """Unless another increment may have made the same number, one that a cut history lacks among them."""
    aborted, reader = row(1, 1, 2, incr("a", 1))._replace(status=Status.ABORTED), row(2, 3, 4, look("a", 1))
    assert found(check_monotonic(history(aborted, reader))) == [("G1a", (0, 1), 1)]
    assert found(check_monotonic(history(aborted, row(2, 3, 4, incr("a", 2))))) == [("G1a", (0, 1), 1)]
    assert found(check_monotonic(history(aborted, row(2, 3, 4, incr("a", 1)), row(3, 5, 6, look("a", 1))))) == []
    assert check_monotonic(history(aborted, reader, cut="killed")).anomalies == ()
    for answer in (1, None):
        unknown = Txn(0, 3, (Op("incr", "a", (1, answer)),), Status.UNKNOWN, 0, 1)
        assert found(check_monotonic(history(unknown, aborted, reader))) == []


def small_counters(seed: int) -> list[Txn]:
    """Up to five transactions, what they saw taken from some serial order and at times changed by one."""
    rng = Random(seed)
    stored = {"a": 0, "b": 0}
    rows = []
    for client in range(rng.randint(2, 5)):
        ops = []
        for _ in range(rng.randint(1, 2)):
            key = rng.choice("ab")
            if rng.random() < 0.5:
                stored[key] += 1
                ops.append(incr(key, stored[key]))
            else:
                ops.append(look(key, max(0, stored[key] - rng.choice((0, 0, 0, 1)))))
        start = rng.randint(0, 6)
        rows.append(Txn(0, client, tuple(ops), Status.OK, start, start + rng.randint(0, 6)))
    return sorted(rows, key=lambda txn: txn.start)


def serial(rows: list[Txn]) -> bool:
    """Whether some order that keeps real time explains every number."""
    for order in permutations(rows):
        late = any(order[j].end < order[i].start for i in range(len(order)) for j in range(i + 1, len(order)))
        if not late and _explains(order):
            return True
    return False


def _explains(order: tuple[Txn, ...]) -> bool:
    stored = {"a": 0, "b": 0}
    for txn in order:
        for kind, key, value in txn.ops:
            if kind == "incr":
                stored[key] += 1
            if stored[key] != ((value or 0) if kind == "r" else value[1]):
                return False
    return True


def test_whatever_no_order_explains_is_found_and_nothing_else() -> None:
    """On small histories of counters an anomaly is reported iff no order that keeps real time explains them."""
    explained = 0
    for seed in range(SEEDS):
        rows = small_counters(seed)
        lawful = serial(rows)
        explained += lawful
        inner = any(_contradicts_itself(txn) for txn in rows)
        if not inner:
            assert lawful == (check_monotonic(build_history(rows)).anomalies == ()), seed
    assert 500 < explained < SEEDS - 500


def _contradicts_itself(txn: Txn) -> bool:
    """A second look at a key by one transaction is not judged by this checker."""
    keys = [op.key for op in txn.ops]
    return len(keys) != len(set(keys)) and any(op.kind == "r" for op in txn.ops[1:])


# session-guarantees


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1 1-2 ax1; 2 1-2 rx1; 2 3-4 rx", ["non-monotonic-read"]),
        ("1 1-2 ax1; 2 1-2 rx1; 3 3-4 rx", []),
        ("1 1-2 ax1; 4 1-2 ax2; 2 1-2 rx1; 2 3-4 rx2", ["non-monotonic-read"]),
        ("1 1-2 ax1; 4 1-2 ax2; 2 1-2 rx1; 2 3-4 rx2,1", []),
        ("1 1-2 ax1; 4 1-2 ax2; 2 1-2 rx1; 1 3-4 rx2", ["missed-own-write"]),
        ("1 1-2 ax1; 2 1-2 unknown rx1; 2 3-4 rx", []),
        ("1 1-2 ax1; 1 3-4 rx", ["missed-own-write"]),
        ("1 1-2 ax1; 1 3-4 rx; 2 1-2 rx1", ["missed-own-write"]),
        ("1 1-2 unknown ax1; 1 3-4 rx; 2 1-2 rx1", []),
        ("1 1-2 ax1; 1 3-4 ax2; 2 1-9 rx2", ["non-monotonic-write"]),
        ("1 1-2 ax1; 1 3-4 ax2; 2 1-9 rx2,1", ["non-monotonic-write"]),
        ("1 1-2 ax1; 1 3-4 ax2; 2 1-9 rx1,2", []),
        ("1 1-2 ax1; 1 3-4 unknown ax2; 2 1-9 rx2", ["non-monotonic-write"]),
        ("1 1-2 ax1; 2 1-2 rx1; 2 3-4 ax2; 3 1-9 rx2,1", ["writes-do-not-follow-reads"]),
        ("1 1-2 ax1; 2 1-2 rx1; 2 3-4 ax2; 3 1-9 rx1,2", []),
        ("1 1-2 ax1; 2 1-2 rx1; 2 3-4 ax2; 3 1-9 rx2", ["writes-do-not-follow-reads"]),
        ("1 1-2 ax1; 3 1-2 rx1; 2 3-4 ax2; 4 1-9 rx2", []),
    ],
)
def test_what_a_session_may_rely_on(text: str, names: list[str]) -> None:
    """Each guarantee is broken only within one session, and by acknowledged transactions of it."""
    assert [name for name, _, _ in found(check_session_guarantees(build_history(txns(text))))] == names


def test_an_append_of_two_steps_may_be_overwritten() -> None:
    """Where the target reads and writes to append, what a session misses accuses nobody: there is a doubt instead."""
    rows = txns("1 1-2 ax1; 1 3-4 rx")
    findings = check_session_guarantees(build_history(rows, RunInfo(append="read-modify-write")))
    assert findings.anomalies == ()
    (doubt,) = findings.doubts
    assert "strong-session-read-atomic" in doubt.levels
    assert check_session_guarantees(build_history(txns("1 1-2 ax1; 1 3-4 rx1"))).doubts == ()
