"""One run seen as a whole: what several checkers said of one history, put together.

    refuted   what any checker refuted, closed upward
    strongest the strongest levels that some checker searched and none refuted: not refuted, which is not proven
    doubted   the levels that are neither refuted nor proven, and that some search left in doubt
    proven    the strongest levels that a certificate proves: an order of the transactions explains every read
    groups    the anomalies, one per name and fingerprint, those that break the expectation first

Checkers look at the same history, so a finding of two of them counts once: the larger count is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.level import LEVELS, Level, implied_by, maximal, refuted_by
from harness.verdict import Anomaly, Doubt, Evidence, Outcome, RunResult, Verdict

__all__ = ["AnomalyGroup", "Overall", "Row", "overall", "rows_of"]


@dataclass(frozen=True, kw_only=True)
class AnomalyGroup:
    """Anomalies of one run with one name and fingerprint. The first of `instances` has the shortest cycle."""

    name: str
    fingerprint: str
    instances: tuple[Anomaly, ...]
    count: int
    allowed: bool
    refutes: tuple[Level, ...]
    checkers: tuple[str, ...]

    @property
    def first(self) -> Anomaly:
        return self.instances[0]


@dataclass(frozen=True, kw_only=True)
class Overall:
    """What is said of one run. `outcome` is at least UNKNOWN where the run met trouble or was interrupted."""

    outcome: Outcome
    expected: str
    reason: str
    sentence: str
    groups: tuple[AnomalyGroup, ...]
    refuted: tuple[Level, ...]
    searched: tuple[Level, ...]
    strongest: tuple[Level, ...]
    proven: tuple[Level, ...]
    evidence: tuple[Evidence, ...]
    doubts: tuple[Doubt, ...]
    doubted: tuple[Level, ...]
    stats: dict[str, float]

    @property
    def standing(self) -> tuple[Level, ...]:
        """The strongest levels that are not refuted and not in doubt."""
        return maximal(set(self.searched) - set(self.refuted) - set(self.doubted))

    @property
    def lacking(self) -> tuple[Evidence, ...]:
        return tuple(one for one in self.evidence if one.found < one.needed)


def overall(run: RunResult) -> Overall:
    """All verdicts of one run as one."""
    findings = [verdict.findings for verdict in run.verdicts]
    refuted = refuted_by(level for one in findings for level in one.refuted)
    searched = {level for one in findings for level in one.searched}
    proven = maximal(proof.level for one in findings for proof in one.certificates)
    doubts = tuple(dict.fromkeys(doubt for one in findings for doubt in one.doubts))
    outcome, reason, sentence = _outcome(run)
    return Overall(
        outcome=outcome,
        expected=str(run.verdicts[0].expected) if run.verdicts else run.info.expected,
        reason=reason,
        sentence=sentence,
        groups=_groups(run.verdicts),
        refuted=refuted,
        searched=tuple(sorted(searched)),
        strongest=maximal(searched - set(refuted)),
        proven=proven,
        evidence=_evidence(run.verdicts),
        doubts=doubts,
        doubted=_doubted(doubts, refuted, proven),
        stats=_stats(run),
    )


def _outcome(run: RunResult) -> tuple[Outcome, str, str]:
    """Outcome, reason of an UNKNOWN, and the sentences of the verdicts that decided it."""
    outcome = run.outcome
    deciding = [verdict for verdict in run.verdicts if verdict.outcome == outcome]
    sentences = list(dict.fromkeys(verdict.sentence for verdict in deciding if verdict.sentence))
    if outcome == Outcome.FAIL:
        return outcome, "", "; ".join(sentences)
    if run.trouble:
        return Outcome.UNKNOWN, "trouble", run.trouble
    if run.interrupted:
        return Outcome.UNKNOWN, "interrupted", "the run was stopped by hand before it was done"
    if run.stopped:
        return Outcome.UNKNOWN, "stopped", f"the run was {run.stopped}"
    if not run.verdicts:
        return outcome, "checker", "no checker judged this history"
    return outcome, deciding[0].reason if outcome == Outcome.UNKNOWN else "", "; ".join(sentences)


def _doubted(doubts: Iterable[Doubt], refuted: Iterable[Level], proven: Iterable[Level]) -> tuple[Level, ...]:
    # Timestamps that explain nothing put nothing in doubt either.
    open_ones = {above for one in doubts if one.reason != "timestamps" for above in refuted_by(one.levels or LEVELS)}
    settled = {*refuted, *(weaker for one in proven for weaker in implied_by(one))}
    return tuple(one for one in LEVELS if one in open_ones - settled)


def _groups(verdicts: Iterable[Verdict]) -> tuple[AnomalyGroup, ...]:
    found: dict[tuple[str, str], list[tuple[Verdict, Anomaly]]] = {}
    for verdict in verdicts:
        for anomaly in verdict.findings.anomalies:
            found.setdefault((anomaly.name, anomaly.fingerprint), []).append((verdict, anomaly))
    groups = [_group(members) for members in found.values()]
    return tuple(sorted(groups, key=lambda group: group.allowed))


def _group(members: list[tuple[Verdict, Anomaly]]) -> AnomalyGroup:
    counts: dict[int, int] = {}
    for verdict, anomaly in members:
        counts[id(verdict)] = counts.get(id(verdict), 0) + anomaly.count
    different: dict[str, Anomaly] = {}
    for _, one in members:
        different.setdefault(one.witness or repr((one.txns, one.sentence)), one)
    instances = sorted(different.values(), key=lambda one: (len(one.txns), one.txns))
    first = instances[0]
    return AnomalyGroup(
        name=first.name,
        fingerprint=first.fingerprint,
        instances=tuple(instances),
        count=max(counts.values()),
        allowed=all(verdict.allowed(anomaly) for verdict, anomaly in members),
        refutes=tuple(dict.fromkeys(level for _, one in members for level in one.refutes)),
        checkers=tuple(dict.fromkeys(verdict.findings.checker for verdict, _ in members)),
    )


def _evidence(verdicts: Iterable[Verdict]) -> tuple[Evidence, ...]:
    """One row per name. Where checkers differ, the row with the smaller margin stands: a lack is never hidden."""
    rows: dict[str, Evidence] = {}
    for verdict in verdicts:
        for one in verdict.findings.evidence:
            old = rows.get(one.name)
            if old is None or one.found - one.needed < old.found - old.needed:
                rows[one.name] = one
    return tuple(rows.values())


def _stats(run: RunResult) -> dict[str, float]:
    """`txns` of the history, the seconds of all checkers added up, of anything else the largest."""
    stats: dict[str, float] = {"txns": len(run.history)}
    seconds = 0.0
    for verdict in run.verdicts:
        for name, number in verdict.findings.stats.items():
            if name == "seconds":
                seconds += number
            elif name != "txns":
                stats[name] = max(stats.get(name, number), number)
    return stats | {"seconds": round(seconds, 6)}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One name and fingerprint over all runs of a suite, with the runs (numbers from 1) that it was found in."""

    group: AnomalyGroup
    runs: tuple[int, ...]
    count: int
    allowed: bool


def rows_of(runs: Iterable[Overall]) -> tuple[Row, ...]:
    """The suite's anomalies, those that break an expectation first."""
    found: dict[tuple[str, str], list[tuple[int, AnomalyGroup]]] = {}
    for number, one in enumerate(runs, 1):
        for group in one.groups:
            found.setdefault((group.name, group.fingerprint), []).append((number, group))
    rows = [
        Row(
            group=members[0][1],
            runs=tuple(number for number, _ in members),
            count=sum(group.count for _, group in members),
            allowed=all(group.allowed for _, group in members),
        )
        for members in found.values()
    ]
    return tuple(sorted(rows, key=lambda row: row.allowed))
