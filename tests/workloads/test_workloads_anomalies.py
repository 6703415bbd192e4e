"""With its default parameters each workload nearly always shows its anomaly on a database that admits it."""

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
from checkers.lists.list_append import check_list_append
from checkers.predicates import check_predicates
from checkers.rw_register import check_rw_register
from harness.history import History
from harness.level import level
from harness.verdict import Findings, Outcome, judge
from tests.workloads.mock_database import simulate
from workloads import WORKLOADS

CHECKERS: dict[str, Callable[[History], Findings]] = {
    "list-append": check_list_append,
    "rw-register": check_rw_register,
    "bank": check_bank,
    "counter": check_counter,
    "write-skew": check_write_skew,
    "predicate-skew": check_predicate_skew,
    "predicates": check_predicates,
    "long-fork": check_long_fork,
    "set": check_set_full,
    "unique-ids": check_unique_ids,
    "monotonic": check_monotonic,
    "session-guarantees": check_session_guarantees,
}
SEEDS = 50


@pytest.mark.parametrize(
    ("workload", "database", "anomaly"),
    [
        ("list-append", "read-committed", "G-single-item"),
        ("list-append", "snapshot-isolation", "G2-item"),
        ("bank", "read-committed", "wrong-total"),
        ("bank", "read-committed", "lost-update"),
        ("counter", "read-committed", "lost-update"),
        ("counter", "read-committed", "lost-increment"),
        ("write-skew", "snapshot-isolation", "G2-item"),
        ("write-skew", "read-committed", "G2-item"),
        ("predicate-skew", "snapshot-isolation", "G2"),
        ("predicate-skew", "read-committed", "G2"),
        ("long-fork", "parallel-snapshot", "long-fork"),
        ("set", "parallel-snapshot", "G-single-item-realtime"),
        ("unique-ids", "read-committed", "duplicate-id"),
        ("monotonic", "read-committed", "duplicate-id"),
        ("monotonic", "parallel-snapshot", "G-single-item-realtime"),
    ],
)
def test_the_anomaly_shows(workload: str, database: str, anomaly: str) -> None:
    """In all runs of 200 transactions by five clients but one in a hundred the anomaly is found."""
    missed = [
        seed
        for seed in range(SEEDS)
        if anomaly
        not in {one.name for one in CHECKERS[workload](simulate(WORKLOADS[workload], database, seed)).anomalies}
    ]
    assert len(missed) <= SEEDS // 100, missed


@pytest.mark.parametrize("workload", ["rw-register", "predicates"])
@pytest.mark.parametrize(
    ("database", "broken"),
    [
        ("read-committed", "snapshot-isolation"),
        ("snapshot-isolation", "strict-serializable"),
        ("parallel-snapshot", "strong-snapshot-isolation"),
    ],
)
def test_a_mix_of_operations_refutes_what_the_database_does_not_keep(
    workload: str, database: str, broken: str
) -> None:
    """Which anomaly shows is chance where many may, but one nearly always does."""
    refuted = [
        CHECKERS[workload](simulate(WORKLOADS[workload], database, seed)).refuted for seed in range(SEEDS // 2)
    ]
    assert sum(broken in levels for levels in refuted) >= len(refuted) - 1


@pytest.mark.parametrize("workload", CHECKERS)
def test_a_serializable_database_passes_with_enough_evidence(workload: str) -> None:
    """The same runs on a database without anomalies pass, and are not vacuous."""
    for seed in range(SEEDS // 2):
        findings = CHECKERS[workload](simulate(WORKLOADS[workload], "serializable", seed))
        verdict = judge(findings, level("strict-serializable"))
        assert (verdict.outcome, findings.anomalies) == (Outcome.PASS, ()), (seed, verdict.sentence)


@pytest.mark.parametrize("workload", CHECKERS)
def test_one_client_alone_is_vacuous_or_passes(workload: str) -> None:
    """Serial execution is never accused, and proves nothing where concurrency is needed."""
    for seed in range(5):
        history = simulate(WORKLOADS[workload], "read-committed", seed, clients=1)
        verdict = judge(CHECKERS[workload](history), level("strict-serializable"))
        expected = (Outcome.PASS, "") if workload == "set" else (Outcome.UNKNOWN, "vacuous")
        assert (verdict.outcome, verdict.reason) == expected
