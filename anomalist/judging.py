"""From a history to its verdicts: the checkers of its workload, each within a budget, each held to the level."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import process_time
from types import FrameType

from anomalist.exits import UsageError
from anomalist.suites import CHECKERS, CONTRACT, SCRIPTED, TIMESTAMPED, TIMESTAMPS, WEAK_LEVELS, WORKLOADS, checker
from checkers.catalogue import directly_refuted
from harness.history import History
from harness.level import Level, refuted_by
from harness.trouble import described
from harness.verdict import Doubt, Findings, Outcome, Verdict, judge

__all__ = ["NO_REAL_TIME", "checkers_for", "judge_history"]

NO_REAL_TIME = "the file tells the order within each session and nothing of real time"
_TIMELESS = Doubt("evidence", NO_REAL_TIME, (Level("strong-read-uncommitted"), Level("linearizable")))


def checkers_for(history: History, workloads: Sequence[str] = ()) -> tuple[str, ...]:
    """The checkers of these workloads, or of the history's own. Raises UsageError where there are none."""
    names = tuple(workloads) or ((history.info.workload,) if history.info.workload else ())
    if not workloads and history.info.suite == CONTRACT and names and names[0] not in WORKLOADS:
        return (SCRIPTED,)
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown or not names:
        known = ", ".join(WORKLOADS)
        raise UsageError(
            f"no checker judges workload {unknown[0]!r}; say which one it is with -w: {known}"
            if unknown
            else f"the history does not say what its workload was; say it with -w: {known}"
        )
    return tuple(dict.fromkeys(name for one in names for name in WORKLOADS[one].checkers))


def judge_history(
    history: History,
    expected: Level,
    *,
    checkers: Sequence[str],
    strict_evidence: bool = True,
    only: Collection[str] = (),
    budget_s: float | None = None,
    missing: str = "",
) -> tuple[Verdict, ...]:
    """One verdict per checker. `only` names the anomalies that count, all of them if empty.

    `missing` says what is not there to be judged, beside what the history itself says is cut.
    """
    gaps = [gap for gap in (history.cut and f"the history is not whole: {history.cut}", missing) if gap]
    verdicts = []
    for name in (*checkers, *_for_weak_levels(checkers, expected)):
        findings = _incomplete(_only(_findings(name, history, budget_s), only), gaps)
        verdict = judge(findings, expected, strict_evidence=strict_evidence)
        if only and verdict.outcome is Outcome.PASS:
            verdict = replace(verdict, sentence=f"only {', '.join(only)} counted: nothing of it refutes {expected}")
        verdicts.append(verdict)
    if len(history.commit_timestamp) and not only and set(checkers) & set(TIMESTAMPED):
        findings = _incomplete(_findings(TIMESTAMPS, history, budget_s), gaps)
        return _beside_timestamps(verdicts, judge(findings, expected, strict_evidence=strict_evidence))
    return _that_can_decide(verdicts)


def _beside_timestamps(verdicts: list[Verdict], stamped: Verdict) -> tuple[Verdict, ...]:
    """The verdicts of checkers that see what clients saw, and that of the one that sees the database's timestamps.

    The latter proves the expected level or has no say: snapshots other than those told may explain a history. What is
    proven needs no search that was too long; a level that is proven and refuted is an error of ours.
    """
    if stamped.outcome is Outcome.PASS:
        return _that_can_decide([*(_held_against(one, stamped) for one in verdicts), stamped])
    if stamped.reason == "undecided":
        return _that_can_decide(verdicts)
    no_say = stamped.reason == TIMESTAMPS
    told = replace(stamped, outcome=Outcome.PASS, reason="") if no_say else stamped
    return (*_that_can_decide(verdicts), told)


def _held_against(verdict: Verdict, proof: Verdict) -> Verdict:
    if verdict.reason == "budget":
        sentence = f"the database's own timestamps prove {proof.expected}, whatever was not searched"
        return replace(verdict, outcome=Outcome.PASS, reason="", sentence=sentence)
    if verdict.outcome is not Outcome.FAIL:
        return verdict
    checker = verdict.findings.checker
    sentence = (
        f"error of the checker: the database's own timestamps prove {proof.expected}, and the {checker} checker"
        f" says {verdict.sentence}"
    )
    return replace(verdict, outcome=Outcome.UNKNOWN, reason="checker", sentence=sentence)


def _for_weak_levels(checkers: Sequence[str], expected: Level) -> tuple[str, ...]:
    """The checker that decides the expected level where one of these leaves it open."""
    leave_open = any(expected in WEAK_LEVELS.get(name, ()) for name in checkers)
    return ("visibility",) if leave_open and "visibility" not in checkers else ()


def _that_can_decide(verdicts: list[Verdict]) -> tuple[Verdict, ...]:
    """Where a history has several checkers, one that could not refute the expected level has no say in it."""
    if all(verdict.reason == "undecided" for verdict in verdicts):
        return tuple(verdicts)
    return tuple(
        replace(verdict, outcome=Outcome.PASS, reason="", sentence=_ALLOWED.format(verdict.expected))
        if verdict.reason == "undecided"
        else verdict
        for verdict in verdicts
        if verdict.reason != "undecided" or verdict.findings.anomalies
    )


_ALLOWED = "what it looks for is allowed by {}"


def _findings(name: str, history: History, budget_s: float | None) -> Findings:
    """A checker that raises or runs out of time says UNKNOWN with its reason; it never takes the run down."""
    assert name in CHECKERS
    began = process_time()
    try:
        with _time_limit(budget_s):
            findings = _without_real_time(checker(name, history), history)
            return replace(findings, stats={**findings.stats, "seconds": round(process_time() - began, 6)})
    except _BudgetSpent:
        sentence = f"the {name} checker did not finish within {budget_s:g} s: give it more with --budget"
        return Findings(checker=name, doubts=(Doubt("budget", sentence),))
    except Exception as error:  # noqa: BLE001  Whatever it is, it is our fault and not the database's.
        sentence = f"the {name} checker failed: {described(error)}"
        return Findings(checker=name, doubts=(Doubt("checker", sentence),))


def _without_real_time(findings: Findings, history: History) -> Findings:
    """Where a file tells only the order within each client, no level of real time is vouched for."""
    if history.info.clock != "sessions":
        return findings
    above = set(refuted_by(_TIMELESS.levels))
    other = (one for one in findings.doubts if not one.levels or not set(one.levels) <= above)
    return replace(
        findings,
        searched=tuple(one for one in findings.searched if one not in above),
        doubts=(*other, _TIMELESS),
    )


class _BudgetSpent(BaseException):
    """Raised by the alarm in the middle of a checker; no `except Exception` on the way may hold it."""


@contextmanager
def _time_limit(seconds: float | None) -> Iterator[None]:
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def spent(number: int, frame: FrameType | None) -> None:
        raise _BudgetSpent

    before: Callable[[int, FrameType | None], object] | int | None = signal.signal(signal.SIGALRM, spent)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _only(findings: Findings, names: Collection[str]) -> Findings:
    """The findings as if only these anomalies had been looked for."""
    if not names:
        return findings
    kept = tuple(anomaly for anomaly in findings.anomalies if anomaly.name in names)
    asked = set(directly_refuted(name for name in findings.sought if name in names))
    return replace(
        findings,
        anomalies=kept,
        refuted=refuted_by(level for anomaly in kept for level in anomaly.refutes),
        searched=tuple(level for level in findings.searched if level in asked),
    )


def _incomplete(findings: Findings, gaps: Sequence[str]) -> Findings:
    """What is missing may be what would have told against the database."""
    return replace(findings, doubts=(*findings.doubts, *(Doubt("evidence", gap) for gap in gaps)))
