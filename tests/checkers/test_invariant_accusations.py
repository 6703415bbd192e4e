"""No invariant checker accuses a database of what it does not do, whatever of the outcome is unknown or cut away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checkers.invariants.bank import check_bank
from checkers.invariants.counter import check_counter
from checkers.invariants.long_fork import check_long_fork
from checkers.invariants.monotonic import check_monotonic
from checkers.invariants.predicate_skew import check_predicate_skew
from checkers.invariants.session_guarantees import check_session_guarantees
from checkers.invariants.set_full import check_set_full
from checkers.invariants.unique_ids import check_unique_ids
from checkers.invariants.write_skew import check_write_skew
from checkers.predicates import check_predicates
from checkers.rw_register import check_rw_register
from harness.history import History
from harness.level import implied_by
from harness.verdict import Findings
from tests.workloads.mock_database import KEEPS, simulate
from workloads import WORKLOADS

CHECKERS: dict[str, Callable[[History], Findings]] = {
    "bank": check_bank,
    "counter": check_counter,
    "write-skew": check_write_skew,
    "predicate-skew": check_predicate_skew,
    "predicates": check_predicates,
    "rw-register": check_rw_register,
    "long-fork": check_long_fork,
    "set": check_set_full,
    "unique-ids": check_unique_ids,
    "monotonic": check_monotonic,
    "session-guarantees": check_session_guarantees,
}
SEEDS = 70
SOLVED = ("rw-register", "predicates")  # Dearer to judge, and tried by brute force elsewhere.


@pytest.mark.parametrize("workload", CHECKERS)
@pytest.mark.parametrize("level", KEEPS)
@pytest.mark.parametrize(("unknown", "cut"), [(0.0, False), (0.3, False), (0.3, True)])
def test_no_level_that_the_database_keeps_is_refuted(workload: str, level: str, unknown: float, cut: bool) -> None:
    """Random small runs, transactions of unknown outcome and lost pieces of the log included, refute nothing true."""
    kept = implied_by(KEEPS[level])
    for seed in range(SEEDS // 4 if workload in SOLVED else SEEDS):
        history = simulate(WORKLOADS[workload], level, seed, txns=30, unknown=unknown, cut=cut)
        findings = CHECKERS[workload](history)
        assert not kept & set(findings.refuted), (seed, findings.anomalies)


@pytest.mark.parametrize("workload", CHECKERS)
def test_a_sound_run_raises_no_doubt(workload: str) -> None:
    """Unknown outcomes alone make no history doubtful as a whole."""
    for seed in range(20):
        history = simulate(WORKLOADS[workload], "snapshot-isolation", seed, txns=60, unknown=0.3)
        assert [doubt for doubt in CHECKERS[workload](history).doubts if not doubt.levels] == []


@pytest.mark.parametrize("workload", ["bank", "counter", "write-skew", "predicate-skew", "set"])
def test_commits_that_are_thrown_away_are_found(workload: str) -> None:
    """A database that acknowledges and forgets one commit in ten is accused of breaking its promise."""
    for seed in range(10):
        history = simulate(WORKLOADS[workload], "serializable", seed, txns=200, lost=0.1)
        assert "strict-serializable" in CHECKERS[workload](history).refuted


@pytest.mark.parametrize("workload", CHECKERS)
def test_the_same_history_has_the_same_findings(workload: str) -> None:
    """A checker is a pure function of the history."""
    history = simulate(WORKLOADS[workload], "read-committed", 3)
    assert CHECKERS[workload](history) == CHECKERS[workload](history)
