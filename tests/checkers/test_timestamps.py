"""The sweep over a database's own timestamps: what it proves, what it cannot explain, and that it accuses nobody."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from anomalist import judging
from checkers.certificates import verify
from checkers.timestamps import check_timestamps
from harness.build import HistoryBuilder
from harness.history import History, Op, RunInfo, Status
from harness.level import Level, implied_by
from harness.verdict import Findings, Outcome, judge
from tests.checkers.rows import r, w

Row = tuple[int, int, tuple[Op, ...]]


def stamped(*rows: Row, clients: list[int] | None = None, apart: bool = False) -> History:
    """Rows of (snapshot, commit, operations); all at once in real time, or `apart`, one after another."""
    builder = HistoryBuilder()
    for place, (snapshot, commit, ops) in enumerate(rows):
        start, end = (3 * place, 3 * place + 1) if apart else (place, 1_000)
        client = place if clients is None else clients[place]
        builder.add(client, start, end, Status.OK, ops, timestamps=(snapshot, commit))
    return builder.build(RunInfo(workload="rw-register"))


def a(key: str, value: int) -> Op:
    return Op("append", key, value)


def proven(history: History) -> list[str]:
    """The levels that the timestamps prove; each certificate is verified without the sweep's code."""
    findings = check_timestamps(history)
    assert [verify(history, one) for one in findings.certificates] == [""] * len(findings.certificates)
    assert (findings.anomalies, findings.refuted) == ((), ())
    return [one.level for one in findings.certificates]


SKEW = ((0, 1, (r("x"), w("y", 1))), (0, 2, (r("y"), w("x", 2))))


def test_a_serial_order_of_commits_proves_strict_serializability() -> None:
    """Where each transaction sees what its commit found, and real time agrees, everything is proven."""
    rows = ((0, 1, (w("x", 1),)), (1, 2, (r("x", 1), w("x", 2), r("x", 2))), (2, 2, (r("x", 2), r("y"))))
    assert proven(stamped(*rows, apart=True)) == ["strict-serializable", "strong-snapshot-isolation"]
    assert check_timestamps(stamped(*rows, apart=True)).doubts == ()


def test_a_write_skew_is_proven_to_be_snapshot_isolation_and_no_more() -> None:
    """What snapshots explain and the order of commits does not is told in a doubt of serializability alone."""
    history = stamped(*SKEW)
    assert proven(history) == ["strong-snapshot-isolation"]
    (doubt,) = check_timestamps(history).doubts
    assert doubt == (
        "timestamps",
        "T1 read y as nothing, and its commit 2 came upon 1: the order of commits is no serial order, "
        "which refutes nothing",
        ("serializable",),
    )


def test_what_the_order_keeps_decides_the_form_of_the_level() -> None:
    """Timestamps against real time prove the session form, and against the sessions only the plain one."""
    late = ((1, 2, (r("x", 1), w("x", 2))), (0, 1, (w("x", 1),)))
    assert proven(stamped(*late, apart=True)) == ["strong-session-serializable", "strong-session-snapshot-isolation"]
    assert proven(stamped(*late, apart=True, clients=[0, 0])) == ["serializable", "snapshot-isolation"]


def test_a_read_that_its_snapshot_does_not_hold_refutes_nothing() -> None:
    """A stale read is told with what the snapshot holds; no level is accused and none is proven."""
    history = stamped((0, 1, (w("x", 1),)), (1, 2, (w("x", 2),)), (2, 2, (r("x", 1),)))
    assert proven(history) == []
    assert [doubt.sentence for doubt in check_timestamps(history).doubts][1] == (
        "T2 read x as 1, but at its snapshot 2 there is 2: "
        "the timestamps do not explain this history, which refutes nothing"
    )
    assert judge(check_timestamps(history), Level("serializable")).outcome is Outcome.UNKNOWN


def test_the_first_committer_wins() -> None:
    """Two writers of one key whose snapshots do not hold each other are no snapshot isolation by these timestamps."""
    history = stamped((0, 1, (r("x"), w("x", 1))), (0, 2, (r("y"), w("x", 2))))
    assert proven(history) == ["strict-serializable"]
    blind = stamped((0, 1, (r("x"), w("x", 1))), (0, 2, (r("x"), w("x", 2))))
    assert proven(blind) == []
    assert [doubt.sentence for doubt in check_timestamps(blind).doubts][1] == (
        "another transaction committed to x between T1's snapshot 0 and its commit 2: "
        "the timestamps do not explain this history, which refutes nothing"
    )


def test_lists_are_prefixes_in_the_order_of_commits() -> None:
    """A read of a list is the appends up to the snapshot and the transaction's own; nothing read is an empty list."""
    rows = ((0, 1, (a("x", 1), r("x", [1]), a("x", 2))), (1, 2, (r("x", [1, 2]), a("x", 3), r("x", [1, 2, 3]))))
    assert proven(stamped((0, 0, (r("x"),)), *rows, (2, 2, (r("x", [1, 2, 3]),)))) == [
        "strict-serializable",
        "strong-snapshot-isolation",
    ]
    for wrong in ([1, 2], [1, 3, 2], [1, 2, 4], [1, 2, 3, 4], []):
        assert proven(stamped(*rows, (2, 2, (r("x", wrong),)))) == [], wrong
    wrong_list = stamped(*rows, (2, 2, (r("x", [1, 3, 2]),)))
    assert [doubt.sentence for doubt in check_timestamps(wrong_list).doubts][1].startswith(
        "T2 read x with 3 elements, but at its snapshot 2 there is 3 others: "
    )


@pytest.mark.parametrize(
    ("sentence", "rows"),
    [
        ("T0 is said to have committed at 1, not after its snapshot 1", [(1, 1, (w("x", 1),))]),
        (
            "T0 and T1 are said to have committed at the same moment, 1",
            [(0, 1, (w("x", 1),)), (0, 1, (w("y", 1),))],
        ),
        ("the database gave no timestamps of T1", [(0, 1, (w("x", 1),)), (-1, -1, (r("x", 1),))]),
        ("timestamps are not held against the operation scan", [(0, 0, (Op("scan", "x", {}),))]),
        ("x is both a list and a register", [(0, 1, (w("x", 1), a("x", 2)))]),
        ("x is both a list and a register", [(0, 0, (r("x", 1),)), (0, 1, (a("x", 2),))]),
        (
            "timestamps are not held against the w of [9] to x",
            [(0, 1, (Op("w", "x", [9]),)), (1, 1, (r("x", 9),))],
        ),
    ],
)
def test_what_is_not_judged_is_said(sentence: str, rows: list[Row]) -> None:
    """Timestamps that are no order, that are missing, or operations beyond the sweep prove nothing."""
    findings = check_timestamps(stamped(*rows))
    assert [doubt[:2] for doubt in findings.doubts] == [("timestamps", sentence)]
    assert findings.certificates == ()


def test_a_history_without_timestamps_is_not_judged() -> None:
    """Nothing is proven where the database said nothing."""
    bare = replace(stamped(*SKEW), snapshot_timestamp=stamped().start, commit_timestamp=stamped().start)
    assert [doubt.sentence for doubt in check_timestamps(bare).doubts] == ["the history has no timestamps"]


def simulated(random: Random, *, lists: bool) -> History:
    """A database with snapshots where the first committer wins, run at random."""
    builder, committed, number = HistoryBuilder(), 0, 0
    versions: dict[str, list[tuple[int, Any]]] = {key: [(0, [] if lists else None)] for key in "xyz"}
    for place in range(random.randint(1, 12)):
        snapshot = random.randint(max(0, committed - 3), committed)
        state = {key: [value for at, value in versions[key] if at <= snapshot][-1] for key in "xyz"}
        ops, written = [], set()
        for _ in range(random.randint(1, 4)):
            key, number = random.choice("xyz"), number + 1
            if random.random() < 0.5:
                ops.append(r(key, state[key]))
                continue
            written.add(key)
            state[key] = [*state[key], number] if lists else number
            ops.append(a(key, number) if lists else w(key, number))
        if any(versions[key][-1][0] > snapshot for key in written):
            builder.add(place, place, 100, Status.ABORTED, ops)
            continue
        committed += bool(written)
        for key in written:
            versions[key].append((committed, state[key]))
        builder.add(place, place, 100, Status.OK, ops, timestamps=(snapshot, committed if written else snapshot))
    return builder.build(RunInfo())


def test_what_a_correct_database_did_is_proven() -> None:
    """400 random runs of a database with snapshots are proven, and with one answer changed not one of them is."""
    random, changed = Random(5), 0
    for turn in range(400):
        history = simulated(random, lists=turn % 2 == 0)
        if not len(history.commit_timestamp):
            continue
        assert any("snapshot-isolation" in implied_by(level) for level in proven(history))
        other = wrongly_answered(history, random)
        if other is not None:
            changed += 1
            assert proven(other) == []
    assert changed > 150


def wrongly_answered(history: History, random: Random) -> History | None:
    """The same with one committed read answered by something else."""
    builder = HistoryBuilder()
    txns = list(history.txns())
    reads = [(t.id, i) for t in txns if t.status is Status.OK for i, op in enumerate(t.ops) if op.kind == "r"]
    if not reads:
        return None
    row, place = random.choice(reads)
    for t in txns:
        ops = list(t.ops)
        if t.id == row:
            value = ops[place].value
            ops[place] = r(ops[place].key, [*value, 999] if isinstance(value, list) else 999)
        stamps = (int(history.snapshot_timestamp[t.id]), int(history.commit_timestamp[t.id]))
        builder.add(t.client, t.start, t.end, t.status, ops, timestamps=stamps)
    return builder.build(RunInfo())


# Beside the checkers that see only what clients saw


def verdicts(history: History, expected: str) -> list[tuple[str, str, str]]:
    judged = judging.judge_history(history, Level(expected), checkers=("rw-register",), strict_evidence=False)
    return [(one.findings.checker, one.outcome.name, one.sentence) for one in judged]


def test_timestamps_have_no_say_unless_they_prove() -> None:
    """Unexplained timestamps stand beside a verdict in words and change nothing about it."""
    history = stamped((0, 1, (w("x", 1),)), (0, 1, (w("y", 1),)), (9, 9, (r("x", 1),)))
    assert verdicts(history, "serializable") == [
        ("rw-register", "PASS", "no anomaly refutes serializable"),
        ("timestamps", "PASS", "T0 and T1 are said to have committed at the same moment, 1"),
    ]
    assert [one[:2] for one in verdicts(stamped(*SKEW), "serializable")] == [
        ("rw-register", "FAIL"),
        ("timestamps", "PASS"),
    ]


def test_a_level_that_is_proven_and_refuted_is_an_error_of_the_checker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checker that refutes what timestamps prove is not believed, and that is said."""
    real = judging.checker

    def liar(name: str, history: History) -> Findings:
        findings = real(name, history)
        return replace(findings, refuted=(Level("snapshot-isolation"),)) if name == "rw-register" else findings

    monkeypatch.setattr(judging, "checker", liar)
    (lied, proof) = verdicts(stamped(*SKEW), "snapshot-isolation")
    assert lied[:2] == ("rw-register", "UNKNOWN")
    assert lied[2].startswith(
        "error of the checker: the database's own timestamps prove snapshot-isolation, and the rw-register checker"
    )
    assert proof == ("timestamps", "PASS", "no anomaly refutes snapshot-isolation")
