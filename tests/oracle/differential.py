"""Holds fast checkers against brute force on one history: the correct is not accused, the wrong does not pass."""

from __future__ import annotations

from collections.abc import Sequence

from anomalist.suites import checker
from checkers.certificates import verify
from harness.build import build_history
from harness.history import Txn
from harness.level import Level
from harness.verdict import Findings, Outcome, judge, worst

from .notation import notation
from .verdicts import DECIDED, Verdicts
from .witnesses import broken

__all__ = ["assert_agreement", "disagreements"]


def assert_agreement(checkers: Sequence[str], txns: Sequence[Txn], verdicts: Verdicts | None = None) -> None:
    """Compare the verdicts of every level, and verify each witness and each certificate."""
    wrong = disagreements(checkers, txns, verdicts)
    assert not wrong, f"{wrong[0]}: {notation(txns)}"


def disagreements(checkers: Sequence[str], txns: Sequence[Txn], verdicts: Verdicts | None = None) -> list[str]:
    """What these checkers, of one workload, say of a history and brute force does not."""
    history = build_history(txns)
    granted, refused = (verdicts or Verdicts(txns)).settled()
    wrong = []
    every = [checker(name, history) for name in checkers]
    for found in every:
        wrong += [f"{level} allows it, accused by {_names(found)}" for level in found.refuted if level in granted]
        wrong += [f"doubts: {doubt}" for doubt in found.doubts]
        wrong += [f"{one.name}, {said}" for one in found.anomalies if (said := broken(one, txns))]
        for certificate in found.certificates:
            said = verify(history, certificate)
            wrong += [f"the certificate of {certificate.level}: {said}"] if said else []
    decided = {level for found in every for level in found.decided}
    refuted = {level for found in every for level in found.refuted}
    wrong += [f"{level} does not allow it, and nothing was found" for level in decided & refused - refuted]
    missed = [level for level in DECIDED if level in refused - refuted]
    wrong += [f"{level} does not allow it, and it passed" for level in missed if _passes(every, level)]
    return wrong


def _passes(every: Sequence[Findings], level: Level) -> bool:
    """Whether the checkers together, those that have something to say, say PASS."""
    verdicts = [judge(found, level, strict_evidence=False) for found in every]
    said = [verdict.outcome for verdict in verdicts if verdict.reason != "undecided"]
    return bool(said) and worst(said) is Outcome.PASS


def _names(findings: Findings) -> list[str]:
    return sorted(one.name for one in findings.anomalies)
