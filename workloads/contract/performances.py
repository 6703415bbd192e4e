"""What a performance of a script says of a promise: nothing, or in a sentence how it was broken."""

from __future__ import annotations

from collections.abc import Iterator

from harness.contract import Conducted, Ran, Rig
from harness.history import Op, Status, Txn
from harness.interleaving import COMMIT, Interleaving, Performance, orders_of
from harness.verdict import Anomaly

__all__ = ["anomalies_of", "fault", "lapse", "performances", "reads_before_commits", "refutation", "transactions"]


def performances(rig: Rig, script: Interleaving) -> Iterator[Conducted]:
    """Every order of a script, performed."""
    return (rig.conduct(script, order) for order in orders_of(script))


def lapse(conducted: Conducted, level: str) -> str:
    """How a database that promises `level` went wrong, or nothing: as `fault`, and somebody has to commit."""
    performance = conducted.performance
    if wrong := fault(conducted, level):
        return wrong
    return "" if performance.committed else f"{' '.join(performance.order)}: nobody committed"


def fault(conducted: Conducted, level: str) -> str:
    """How a database that promises `level` went wrong, or nothing.

    The history has to be one that the level allows, and whoever was refused has to be told so by the error that
    says that the transaction had no effect.
    """
    performance = conducted.performance
    order = " ".join(performance.order)
    if performance.trouble:
        return f"{order}: {performance.trouble}"
    if broken := refutation(conducted, level):
        return f"{order}: {broken}"
    for session in performance.interleaving.sessions:
        if performance.status(session) is Status.UNKNOWN:
            errors = [moment.error for moment in performance.moments if moment.session == session and moment.error]
            return f"{order}: {session} was left in the dark about whether it took effect: {' '.join(errors[-1:])}"
    return ""


def refutation(judged: Conducted | Ran, level: str) -> str:
    """The anomalies that refute `level`, with what shows the first one, or nothing."""
    anomalies = anomalies_of(judged)
    if level not in judged.findings.refuted:
        return ""
    names = ", ".join(dict.fromkeys(anomaly.name for anomaly in anomalies))
    return f"{names}: {' '.join(step.sentence for step in anomalies[0].steps) or anomalies[0].sentence}"


def anomalies_of(judged: Conducted | Ran) -> tuple[Anomaly, ...]:
    """All anomalies. A history of our own scripts and workloads is evidence, or these are wrong."""
    doubts = judged.findings.doubts
    assert not doubts, doubts[0].sentence
    return judged.findings.anomalies


def reads_before_commits(performance: Performance) -> list[tuple[str, Op]]:
    """(session, operation) of what was read before anybody had committed.

    Where a read waits for a lock it comes back after the other's commit, and then it shows what was committed.
    """
    reads: list[tuple[str, Op]] = []
    for moment in performance.moments:
        if COMMIT in moment.ops:
            break
        reads += [(moment.session, op) for op in moment.ops if op.kind in {"r", "scan"}]
    return reads


def transactions(performance: Performance) -> dict[str, Txn]:
    """{session: its transaction} of those that began."""
    return {performance.name_of(row): txn for row, txn in enumerate(performance.history.txns())}
