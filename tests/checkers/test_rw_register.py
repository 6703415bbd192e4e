"""The register checker as a whole: what its parts find together."""

from __future__ import annotations

import pytest

from checkers.rw_register import check_rw_register
from harness.build import build_history
from harness.history import Op, RunInfo, Status, Txn
from harness.level import Level
from harness.verdict import Findings, Outcome, judge


def judged(*rows: list[Op]) -> Findings:
    """Concurrent transactions of a client each."""
    txns = [Txn(row, row, tuple(ops), Status.OK, 0, 9) for row, ops in enumerate(rows)]
    return check_rw_register(build_history(txns, RunInfo()))


def r(key: str, value: object = None) -> Op:
    return Op("r", key, value)


def w(key: str, value: object) -> Op:
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
