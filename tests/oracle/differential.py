"""Holds a fast checker against brute force on one history: the correct is not accused, the wrong does not pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from checkers.certificates import verify
from harness.build import build_history
from harness.history import History, Txn
from harness.level import Level
from harness.verdict import Findings, Outcome, judge

from .notation import notation
from .verdicts import DECIDED, Verdicts
from .witnesses import broken

__all__ = ["assert_agreement"]


def assert_agreement(
    checker: Callable[[History], Findings],
    txns: Sequence[Txn],
    complete: Iterable[str],
    verdicts: Verdicts | None = None,
) -> Findings:
    """Compare the verdicts of every level, and verify each witness and each certificate.

    `complete` are the levels that the checker decides: there whatever is not allowed is refuted, too.
    """
    history = build_history(txns)
    findings = checker(history)
    verdicts = verdicts or Verdicts(txns)
    granted, refused = verdicts.settled()
    about = notation(txns)
    assert not findings.doubts, (about, findings.doubts)
    accused = set(findings.refuted) & granted
    assert not accused, f"{accused} allow it, {names(findings)}: {about}"
    missed = (set(complete) & refused) - set(findings.refuted)
    assert not missed, f"{missed} do not allow it, {names(findings)}: {about}"
    for level in DECIDED:
        if level in refused:
            verdict = judge(findings, level, strict_evidence=False)
            assert verdict.outcome is not Outcome.PASS, f"{level} does not allow it, and it passed: {about}"
    for anomaly in findings.anomalies:
        wrong = broken(anomaly, txns)
        assert not wrong, f"{anomaly.name}: {wrong}, {anomaly.steps}: {about}"
    for certificate in findings.certificates:
        assert verify(history, certificate) == "", about
        assert Level(certificate.level) not in refused, about
    return findings


def names(findings: Findings) -> list[str]:
    return sorted(one.name for one in findings.anomalies)
