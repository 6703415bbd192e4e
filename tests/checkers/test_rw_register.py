"""The register checker as a whole: what its parts find together."""

from __future__ import annotations

import pytest

from checkers.certificates import verify
from checkers.findings import shown
from checkers.registers import registers_of
from checkers.rw_register import check_rw_register
from checkers.rw_register.solver import decide
from checkers.versions import accesses
from harness.build import build_history
from harness.history import UNSEEN, History, Op, RunInfo, Status, Txn
from harness.level import Level
from harness.verdict import Anomaly, Doubt, Findings, Outcome, judge


def judged(*rows: list[Op]) -> Findings:
    """Concurrent transactions of a client each."""
    txns = [Txn(row, row, tuple(ops), Status.OK, 0, 9) for row, ops in enumerate(rows)]
    return check_rw_register(build_history(txns, RunInfo()))


def r(key: str, value: object = None) -> Op:
    return Op("r", key, value)


def w(key: str | int, value: object) -> Op:
    return Op("w", key, value)


def scan(**seen: object) -> Op:
    return Op("scan", ("a", "e"), seen)


@pytest.mark.parametrize(
    ("rows", "level"),
    [
        # A read that contradicts an own write is a dependency all the same.
        ([[r("x", 3), w("x", 1)], [w("x", 3), r("x", 1)]], "read-committed"),
        ([[r("x", 3), r("x", 2)], [w("x", 2)], [w("x", 3), r("x", 2)]], "monotonic-atomic-view"),
        ([[r("x"), w("y", 1)], [w("x", 2), r("x", 4)], [w("x", 4), w("x", 5)]], "read-committed"),
        # What a scan did not return was read as nothing.
        ([[w("b", 1), r("a", 2)], [w("a", 2)], [scan(b=1)]], "causal-cerone"),
        ([[scan(), w("c", 1)], [w("b", 2), w("c", 3)], [scan(b=2)], [r("c", 1), w("a", 4)]], "serializable"),
    ],
)
def test_a_level_that_is_broken_is_refuted(rows: list[list[Op]], level: str) -> None:
    """Each of these passed once: the level is refuted now."""
    assert Level(level) in judged(*rows).refuted


def test_what_holds_is_proven() -> None:
    """A history that strict serializability allows has a certificate, and passes at every level."""
    findings = judged([w("x", 1)], [r("x", 1), w("y", 2)], [r("x"), r("y")])
    assert [one.level for one in findings.certificates] == ["strict-serializable"]
    for level in ("strict-serializable", "prefix", "read-uncommitted"):
        assert judge(findings, Level(level), strict_evidence=False).outcome is Outcome.PASS


def test_a_level_between_those_that_are_decided_is_unknown() -> None:
    """Of a long fork nobody knows whether a level between causal consistency and snapshot isolation was kept."""
    fork = judged([w("x", 1)], [w("y", 1)], [r("x", 1), r("y")], [r("x"), r("y", 1)])
    outcomes = {
        level: judge(fork, Level(level), strict_evidence=False).outcome
        for level in ("causal-cerone", "prefix", "snapshot-isolation", "parallel-snapshot-isolation")
    }
    assert outcomes == {
        "causal-cerone": Outcome.PASS,
        "prefix": Outcome.UNKNOWN,
        "snapshot-isolation": Outcome.FAIL,
        "parallel-snapshot-isolation": Outcome.PASS,
    }


def test_where_the_log_is_cut_nothing_found_is_no_evidence() -> None:
    """A delete may be missing: a stale read of nothing refutes nothing then."""
    txns = [Txn(0, 0, (w("x", 1),), Status.OK, 0, 1), Txn(1, 1, (r("x"),), Status.OK, 2, 3)]
    assert check_rw_register(build_history(txns)).refuted != ()
    assert check_rw_register(build_history(txns, cut="the log is torn")).refuted == ()


def test_a_late_read_past_an_own_write_contradicts_real_time() -> None:
    """Who read from one that began after it had ended was not read committed in real time, whatever it wrote."""
    txns = [
        Txn(0, 0, (w("x", 1), r("x", 2)), Status.OK, 0, 1),
        Txn(0, 1, (w("x", 2),), Status.OK, 5, 6),
    ]
    findings = check_rw_register(build_history(txns))
    (circle,) = [one for one in findings.anomalies if one.name == "G1c-realtime"]
    assert [step[:5] for step in circle.steps] == [("wr", 1, 0, "x", 2), ("realtime", 0, 1, None, None)]
    assert Level("strong-session-read-committed") not in findings.refuted


def test_ranges_whose_keys_are_not_known_are_doubts() -> None:
    """Of a range without a known order nobody can say what it did not return."""
    for asked in (5, (1, "a"), (1.0, 2.0), None):
        (doubt,) = judged([w(5, 1), w(6, 2)], [Op("scan", asked, {})]).doubts
        assert doubt == Doubt("evidence", f"which keys lie in {shown(asked)} is not known")


def test_absences_beyond_the_budget_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where scans may have missed more keys than are looked at, no level is kept beyond doubt."""
    monkeypatch.setattr(accesses, "ABSENCES_MAX", 2)
    findings = judged([w("a", 1), w("b", 2)], [scan()], [scan()])
    sentence = "2 keys that scans may have missed were too many to be looked at"
    assert findings.doubts == (Doubt("budget", sentence),)


def by_sessions(*rows: tuple[int, list[Op]]) -> History:
    """(client, operations) behind an initial transaction that wrote 0 to x and y; no times are told."""
    initial = Txn(0, 0, (w("x", 0), w("y", 0)), Status.OK, -1, -1)
    txns = [Txn(0, client, tuple(ops), Status.OK, 0, 1) for client, ops in rows]
    return build_history([initial, *txns], RunInfo(clock="sessions"))


def outcome(findings: Findings, level: str) -> Outcome:
    return judge(findings, Level(level), strict_evidence=False).outcome


def test_where_no_times_are_told_no_level_that_needs_them_is_kept() -> None:
    """Every level that keeps real time between clients is in doubt, every other one is proven."""
    findings = check_rw_register(by_sessions((1, [w("x", 1)]), (2, [r("x", 1)])))
    for level in ("strong-read-committed", "strong-snapshot-isolation", "strict-serializable"):
        assert outcome(findings, level) is Outcome.UNKNOWN
    assert outcome(findings, "strong-session-serializable") is Outcome.PASS


@pytest.mark.parametrize(
    ("rows", "level"),
    [
        ([(1, [w("x", 1)]), (1, [r("x", 0)])], "strong-session-read-atomic"),
        ([(1, [w("x", 1), w("y", 1)]), (2, [r("y", 1), r("x", 0)])], "monotonic-atomic-view"),
        ([(1, [w("x", 1)]), (2, [r("x", 1), w("y", 1)]), (3, [r("y", 1), r("x", 0)])], "causal-cerone"),
        ([(1, [r("x")])], "read-uncommitted"),
    ],
)
def test_nothing_comes_before_the_initial_transaction(rows: list[tuple[int, list[Op]]], level: str) -> None:
    """Who should have seen a write, and found what was there initially, was not the first to run."""
    assert Level(level) in check_rw_register(by_sessions(*rows)).refuted


def test_a_certificate_begins_with_the_initial_transaction() -> None:
    """Serial or with snapshots, the proof holds for the history as it is, its initial transaction included."""
    serial = by_sessions((1, [r("x", 0), w("x", 1)]), (2, [r("x", 1), r("y", 0)]))
    skew = by_sessions((1, [r("x", 0), w("y", 1)]), (2, [r("y", 0), w("x", 1)]), (3, [r("x", 0), r("y", 0)]))
    for history, level in ((serial, "strong-session-serializable"), (skew, "strong-session-snapshot-isolation")):
        (proof,) = check_rw_register(history).certificates
        assert (proof.level, int(proof.order[0]), verify(history, proof)) == (level, 0, "")


def test_a_missed_initial_value_is_told_as_it_was_read() -> None:
    """The contradiction's sentences name the value, and who wrote it, where nobody read nothing."""
    twice = by_sessions((1, [r("x", 0), w("x", 1)]), (2, [r("x", 0), w("x", 2)]))
    found = decide(registers_of(twice), Level("serializable"))
    assert isinstance(found, Anomaly)
    assert "T1 read x as 0 of T0, which T2 replaced by 2. So T1 comes before T2." in [
        step.sentence for step in found.steps
    ]


def test_a_read_of_an_unrecorded_write_leaves_every_level_open() -> None:
    """T1 read what only T0 can have written, who read from T1: in no way read committed, though no edge shows it."""
    rows = ([r("y", 7), w("x", UNSEEN)], [w("y", 7), r("x", 5)])
    for level in ("read-committed", "causal-cerone", "serializable"):
        assert outcome(judged(*rows), level) is Outcome.UNKNOWN
