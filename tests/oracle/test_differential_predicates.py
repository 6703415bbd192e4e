"""The checkers of histories with range reads against brute force. The whole at length, in some hours of CPU:

ANOMALIST_SOAK=20 python -m pytest -n auto tests/oracle/test_differential_predicates.py
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from anomalist.suites import checker
from harness.build import build_history
from harness.history import Txn

from .differential import assert_agreement
from .notation import notation
from .soak import TIMES_AS_MANY
from .spoiled import spoiled
from .strata import STRATA, members
from .verdicts import Verdicts
from .witnesses import broken

EACH = 1_000 * TIMES_AS_MANY
PARTS = 4

# What rw-register does not yet judge by the keys that a range read did not return.
WITHOUT = (
    "monotonic-atomic-view",
    "strong-session-monotonic-atomic-view",
    "read-atomic",
    "strong-session-read-atomic",
    "causal-cerone",
    "strong-session-causal-cerone",
)


@pytest.mark.parametrize("stratum", STRATA)
def test_strata(stratum: str) -> None:
    """In a thousand histories of each stratum no level is accused or passed against brute force, and proofs hold."""
    for history, verdicts in members("predicate", stratum, EACH):
        assert_judged(history, verdicts)


@pytest.mark.parametrize("part", range(PARTS))
def test_histories_with_bugs(part: int) -> None:
    """The same where single reads saw something else: aborted or invented values, a key missing or one too many."""
    for seed in range(part, EACH, PARTS):
        history = spoiled("predicate", seed)
        assert_judged(history, Verdicts(history))


def assert_judged(history: Sequence[Txn], verdicts: Verdicts) -> None:
    """rw-register decides where nothing was deleted; predicates accuses nobody wrongly, its passes prove nothing."""
    if not any(op.kind == "delete" for txn in history for op in txn.ops):
        assert_agreement(("rw-register",), history, verdicts, proving=True, without=WITHOUT)
    granted, _ = verdicts.settled()
    findings = checker("predicates", build_history(history))
    assert not set(findings.refuted) & granted, notation(history)
    assert not findings.doubts, notation(history)
    for anomaly in findings.anomalies:
        assert broken(anomaly, history) == "", (anomaly.name, notation(history))
