"""Holds fast checkers against brute force on one history: the correct is not accused, the wrong does not pass."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from anomalist.suites import checker
from checkers.certificates import verify
from harness.build import build_history
from harness.history import History, Txn
from harness.level import Level, implied_by
from harness.verdict import Findings, Outcome, judge, worst

from .notation import notation
from .verdicts import DECIDED, PROVABLE, Verdicts
from .witnesses import broken

__all__ = ["assert_agreement", "disagreements"]


def assert_agreement(
    checkers: Sequence[str],
    txns: Sequence[Txn],
    verdicts: Verdicts | None = None,
    *,
    proving: bool = False,
    doubting: bool = False,
) -> list[Findings]:
    """Compare the verdicts of every level, and verify each witness and each certificate; what each checker found.

    `proving` asks for a certificate of each provable level that stands; `doubting` allows doubts.
    """
    history = build_history(txns)
    every = [checker(name, history) for name in checkers]
    wrong = disagreements(every, history, txns, verdicts or Verdicts(txns), proving=proving, doubting=doubting)
    assert not wrong, f"{wrong[0]}: {notation(txns)}"
    return every


def disagreements(
    every: Sequence[Findings],
    history: History,
    txns: Sequence[Txn],
    verdicts: Verdicts,
    *,
    proving: bool = False,
    doubting: bool = False,
) -> list[str]:
    """What the checkers of one workload found in a history and brute force does not say."""
    granted, refused = verdicts.settled()
    wrong = [said for found in every for said in _not_so(found, history, txns, granted)]
    wrong += [f"doubts: {doubt}" for found in every for doubt in found.doubts if not doubting]
    refuted = {level for found in every for level in found.refuted}
    missed = [level for level in DECIDED if level in refused - refuted]
    wrong += [f"{level} does not allow it, and it passed" for level in missed if _passes(every, level)]
    proven = {level for found in every for one in found.certificates for level in implied_by(one.level)}
    standing = [level for level in PROVABLE if proving and level in granted - proven]
    return wrong + [f"{level} allows it, and there is no certificate" for level in standing]


def _not_so(findings: Findings, history: History, txns: Sequence[Txn], granted: Collection[Level]) -> Iterator[str]:
    """Accusations of what is allowed, and proofs that do not hold."""
    yield from (f"{one} allows it, accused by {_names(findings)}" for one in findings.refuted if one in granted)
    for anomaly in findings.anomalies:
        said = broken(anomaly, txns)
        if said:
            yield f"{anomaly.name}, {said}"
    for certificate in findings.certificates:
        said = verify(history, certificate)
        if said:
            yield f"the certificate of {certificate.level}: {said}"


def _passes(every: Sequence[Findings], level: Level) -> bool:
    """Whether the checkers together, those that have something to say, say PASS."""
    verdicts = [judge(found, level, strict_evidence=False) for found in every]
    said = [verdict.outcome for verdict in verdicts if verdict.reason != "undecided"]
    return bool(said) and worst(said) is Outcome.PASS


def _names(findings: Findings) -> list[str]:
    return sorted(one.name for one in findings.anomalies)
