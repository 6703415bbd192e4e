"""What a checker found, and what follows from it.

A checker says only what it saw (`Findings`); `judge` alone compares that with what was expected (`Verdict`).
A `SuiteRun` is everything a report is made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.history import History, RunInfo
from harness.level import Level, implied_by, maximal, refuted_by

if TYPE_CHECKING:
    from harness.contract import ContractRun

__all__ = [
    "NOT_RUN",
    "Anomaly",
    "Doubt",
    "Evidence",
    "Findings",
    "Outcome",
    "RunResult",
    "Step",
    "SuiteRun",
    "Verdict",
    "judge",
    "worst",
]


NOT_RUN: Final = "not run"


class Outcome(IntEnum):
    """Ordered so that the maximum of several is the outcome of all together."""

    PASS = 0
    UNKNOWN = 1
    FAIL = 2


class Step(NamedTuple):
    """Why one transaction must precede the next.

    `kind` is one of ww wr rw session realtime; `before` and `after` are row numbers; `key` and `value` are the
    key and the element, value or bounds that show it (None for session and realtime); `predicate` is true for
    an edge that comes from a range read.
    """

    kind: str
    before: int
    after: int
    key: Any
    value: Any
    sentence: str
    predicate: bool = False


@dataclass(frozen=True, kw_only=True)
class Anomaly:
    """A witness: the smallest cycle found, or the reads that contradict.

    `txns` are row numbers in the order of the cycle; `steps` lead from each to the next and back to the first,
    and are empty where the anomaly is not a cycle. `refutes` are the levels it refutes directly. `count` is how
    often it was found: for a cycle the number of components that contain one. `fingerprint` names the shape of
    the failure (no ids, keys, values or seed), `witness` this very instance; both are 16 hexadecimal digits.
    """

    name: str
    txns: tuple[int, ...]
    steps: tuple[Step, ...]
    refutes: tuple[Level, ...]
    sentence: str
    count: int = 1
    fingerprint: str = ""
    witness: str = ""
    details: tuple[str, ...] = ()


class Evidence(NamedTuple):
    """How much of something a history holds, and how much makes a pass worth anything."""

    name: str
    found: int
    needed: int = 0


class Doubt(NamedTuple):
    """Why a checker cannot vouch for a pass. `reason` is evidence, budget, undecided, timestamps, time-out or
    checker.

    `levels` are the weakest levels that it concerns (and with them all above), () for every level.
    """

    reason: str
    sentence: str
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Certificate:
    """A proof that a history is allowed by `level`, to be verified without any search.

    `order` (c,) are the rows of all transactions that took effect: every OK one, and the UNKNOWN ones that are
    taken to have committed. Executed one after another in this order, each sees exactly what it saw; where
    `snapshot` (c,) is not None, transaction order[i] reads from the state after the first snapshot[i] <= i of
    the order, and none of order[snapshot[i]:i] writes a key that it writes.
    """

    level: Level
    order: npt.NDArray[np.int64]
    snapshot: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What one checker says of one history: nothing about what was expected.

    `refuted` is closed upward. `sought` names the anomalies that this checker looks for, `searched` the levels that
    one of them refutes directly; `decided` are those of which every breach is found, () for a checker that promises
    no such thing.
    `doubts` are empty where the search was complete. `certificates` prove levels that no search for
    anomalies could vouch for.
    """

    checker: str
    anomalies: tuple[Anomaly, ...] = ()
    refuted: tuple[Level, ...] = ()
    sought: tuple[str, ...] = ()
    searched: tuple[Level, ...] = ()
    decided: tuple[Level, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    stats: Mapping[str, float] = field(default_factory=dict)

    @property
    def strongest(self) -> tuple[Level, ...]:
        """The strongest of the searched levels left standing: not refuted, which is not proven."""
        return maximal(set(self.searched) - set(self.refuted))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The findings held against the expected level. `reason` is empty unless the outcome is UNKNOWN."""

    outcome: Outcome
    expected: Level
    findings: Findings
    reason: str = ""
    sentence: str = ""

    def allowed(self, anomaly: Anomaly) -> bool:
        """Whether the expected level admits this anomaly."""
        return self.expected not in refuted_by(anomaly.refutes)


def judge(findings: Findings, expected: Level, *, strict_evidence: bool = True) -> Verdict:
    """The one place that decides: FAIL iff `expected` is refuted, UNKNOWN where a pass would be worth nothing.

    With `strict_evidence`, a pass on too little evidence is UNKNOWN with the reason "vacuous"; a level that
    nothing the checker looks for could refute is UNKNOWN with the reason "undecided".
    """

    def verdict(outcome: Outcome, sentence: str, reason: str = "") -> Verdict:
        return Verdict(outcome=outcome, expected=expected, findings=findings, reason=reason, sentence=sentence)

    if expected in findings.refuted:
        against = dict.fromkeys(one.name for one in findings.anomalies if expected in _closed(one))
        return verdict(Outcome.FAIL, f"{', '.join(against)}: not {expected}")
    for doubt in findings.doubts:
        if not doubt.levels or expected in refuted_by(doubt.levels):
            return verdict(Outcome.UNKNOWN, doubt.sentence, doubt.reason)
    if expected not in refuted_by(findings.searched):
        nothing = f"nothing that the {findings.checker} checker looks for could refute {expected}"
        return verdict(Outcome.UNKNOWN, nothing, "undecided")
    if findings.decided and not _vouched_for(expected, findings):
        found = f"what the {findings.checker} checker found does not tell whether {expected} was kept"
        return verdict(Outcome.UNKNOWN, found, "undecided")
    lacking = [one for one in findings.evidence if one.found < one.needed]
    if strict_evidence and lacking:
        text = ", ".join(f"{one.name} {one.found} of {one.needed} needed" for one in lacking)
        return verdict(Outcome.UNKNOWN, f"nothing was found, but nothing could have been: {text}", "vacuous")
    return verdict(Outcome.PASS, f"no anomaly refutes {expected}")


def _vouched_for(expected: Level, findings: Findings) -> bool:
    """Whether a level that the checker decides, and that stands beyond doubt, implies the expected one."""
    doubted = {above for doubt in findings.doubts for above in refuted_by(doubt.levels)}
    standing = {one for one in findings.decided if one not in findings.refuted} - doubted
    return any(expected in implied_by(one) for one in standing)


def _closed(anomaly: Anomaly) -> tuple[Level, ...]:
    return refuted_by(anomaly.refutes)


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """One history of a suite with its verdicts: a list-append history may be judged by several checkers.

    `trouble` is a sentence where the harness or the target failed (a hung or dying target, a full disk);
    `interrupted` is true where the run was stopped by hand, `stopped` a sentence where it ended early because enough
    was known. `directory` is relative to the suite's.
    """

    history: History
    verdicts: tuple[Verdict, ...]
    directory: str = ""
    seconds: float = 0.0
    trouble: str = ""
    interrupted: bool = False
    stopped: str = ""

    @property
    def info(self) -> RunInfo:
        return self.history.info

    @property
    def outcome(self) -> Outcome:
        """That of all verdicts; a run that met trouble or was stopped did not pass."""
        least = Outcome.UNKNOWN if self.trouble or self.interrupted or self.stopped else Outcome.PASS
        return worst([least, *(verdict.outcome for verdict in self.verdicts)]) if self.verdicts else Outcome.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class SuiteRun:
    """Everything that a report is made from.

    `environment` are rows of (name, value): versions, machine, and under the name NOT_RUN what the suite has and
    this run lacks. `seconds` is wall time in all. `contract` are the checks of the contract suite, where it ran.
    """

    suite: str
    command: str
    started: str
    seconds: float
    runs: tuple[RunResult, ...]
    environment: tuple[tuple[str, str], ...] = ()
    version: str = ""
    contract: ContractRun | None = None

    @property
    def outcome(self) -> Outcome:
        """That of all runs and of the contract suite; UNKNOWN where nothing ran."""
        checked = [] if self.contract is None else [self.contract.outcome]
        return worst([*(run.outcome for run in self.runs), *checked])


def worst(outcomes: Any) -> Outcome:
    """The outcome of several together: the maximum, and UNKNOWN of none at all."""
    return max(outcomes, default=Outcome.UNKNOWN)
