"""What a probe found: every performance with its verdict, as a matrix of anomalies and levels.

A cell counts in how many of its performances the anomaly, or a worse one, was really seen: what was read refutes the
weakest level that forbids it. A cell is broken where what was read refutes what the target promises at its level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from harness.interleaving import Interleaving, Performance
from harness.verdict import Anomaly, Outcome, Verdict

__all__ = ["Cell", "LevelOutcome", "Matrix", "Trial"]


class Trial(NamedTuple):
    """One performance and what the level's promise says to it."""

    performance: Performance
    verdict: Verdict

    @property
    def seen(self) -> bool:
        """Whether the anomaly that the script is about was seen, or a worse one."""
        return self.performance.interleaving.forbidden_by in self.verdict.findings.refuted

    @property
    def broken(self) -> bool:
        """Whether it refutes what the level promises."""
        return self.verdict.outcome is Outcome.FAIL

    @property
    def breaking(self) -> tuple[Anomaly, ...]:
        """The anomalies that the promise forbids."""
        return tuple(one for one in self.verdict.findings.anomalies if not self.verdict.allowed(one))


class Cell(NamedTuple):
    """The trials of one anomaly, or of one script, at one level. `lacking` are the operations without which
    none of them could be performed."""

    level: str
    trials: tuple[Trial, ...]
    lacking: tuple[str, ...] = ()

    @property
    def seen(self) -> tuple[Trial, ...]:
        """Those in which the anomaly was seen."""
        return tuple(trial for trial in self.trials if trial.seen)

    @property
    def broken(self) -> tuple[Trial, ...]:
        """Those that break the level's promise."""
        return tuple(trial for trial in self.trials if trial.broken)

    @property
    def prevented_by(self) -> tuple[str, ...]:
        """How it was prevented where it was not seen: "refused" and "waits", neither where nothing had to be."""
        outcomes = {moment.outcome for trial in self.trials for moment in trial.performance.moments}
        return tuple(one for one in ("refused", "waits") if one in outcomes)


class LevelOutcome(NamedTuple):
    """What all trials of a level say together; `reason` is empty unless the outcome is UNKNOWN."""

    outcome: Outcome
    reason: str = ""
    sentence: str = ""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Everything that a probe found. `levels` are {level: what the target promises there}; `anomalies` {name: what
    people call it}; `lacking` {script: the operations that the target does not have}. `trouble` is a sentence
    where it ended early, `interrupted` true where that was by hand.
    """

    target: str
    version: str
    settings: Mapping[str, str]
    levels: Mapping[str, str]
    anomalies: Mapping[str, str]
    interleavings: tuple[Interleaving, ...]
    lacking: Mapping[str, tuple[str, ...]]
    trials: tuple[Trial, ...]
    command: str
    seconds: float
    trouble: str = ""
    interrupted: bool = False

    def of_anomaly(self, anomaly: str, level: str) -> Cell:
        """The cell of all scripts about an anomaly."""
        return self._cell(level, [one for one in self.interleavings if one.anomaly == anomaly])

    def of_interleaving(self, interleaving: Interleaving, level: str) -> Cell:
        """The cell of one script."""
        return self._cell(level, [interleaving])

    def _cell(self, level: str, scripts: list[Interleaving]) -> Cell:
        trials = tuple(trial for script in scripts for trial in self._trials_of.get((script.name, level), ()))
        lacking = [self.lacking.get(script.name, ()) for script in scripts]
        return Cell(
            level, trials, tuple(sorted({kind for kinds in lacking for kind in kinds})) if all(lacking) else ()
        )

    @cached_property
    def _trials_of(self) -> dict[tuple[str, str], list[Trial]]:
        found: dict[tuple[str, str], list[Trial]] = {}
        for trial in self.trials:
            key = (trial.performance.interleaving.name, trial.performance.level)
            found.setdefault(key, []).append(trial)
        return found

    def outcome_of(self, level: str) -> LevelOutcome:
        """Whether a level keeps its promise. Where hardly anything committed, nothing could have gone wrong."""
        trials = [trial for trial in self.trials if trial.performance.level == level]
        if any(trial.broken for trial in trials):
            return LevelOutcome(Outcome.FAIL)
        for trial in trials:
            if trial.performance.trouble:
                return LevelOutcome(Outcome.UNKNOWN, "trouble", trial.performance.trouble)
            if trial.verdict.outcome is Outcome.UNKNOWN:
                return LevelOutcome(Outcome.UNKNOWN, trial.verdict.reason, trial.verdict.sentence)
        if not any(trial.performance.committed > 1 for trial in trials):
            sentence = "no two transactions of a script ever committed, so nothing could have been seen"
            return LevelOutcome(Outcome.UNKNOWN, "vacuous", sentence)
        return LevelOutcome(Outcome.PASS)

    @property
    def outcome(self) -> Outcome:
        """That of all levels; a probe that did not come to its end does not pass."""
        least = Outcome.UNKNOWN if self.trouble or self.interrupted else Outcome.PASS
        return max([least, *(self.outcome_of(level).outcome for level in self.levels)])
