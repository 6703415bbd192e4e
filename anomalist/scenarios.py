"""One scenario of the contract suite in this process: its program, watched check by check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from anomalist.repros import Place, program_of
from anomalist.rig import TargetRig
from anomalist.transcript import transcript_text
from harness.contract import Check, CheckOutcome, CheckResult, Observed, Scenario, Skipped
from harness.level import implied_by
from harness.surface import Lacking, Refused
from harness.trouble import described
from harness.verdict import RunResult

__all__ = ["Told", "pending", "perform_scenario", "unreached"]

Told = Callable[[CheckResult], None]


def perform_scenario(
    scenario: Scenario,
    spec: str,
    directory: Path,
    runs: Path,
    tell: Told,
    alive: Callable[[], None] = lambda: None,
    programs: bool = False,
) -> list[RunResult]:
    """Perform a scenario on a target and tell what became of each check, as soon as it is known.

    With `programs`, those that failed are told once more at the end, with what shows it without Anomalist.
    `alive` is called, from any thread, whenever the target has answered something.
    `directory` is a new one of its own and gone afterwards. Returns the recorded histories that refute what the
    target promises, which are kept in `runs`.
    """
    rig = TargetRig(spec, directory, runs, scenario.id, alive)
    try:
        performance = _Performance(scenario, rig, tell)
        performance.run()
        if programs:
            performance.tell_programs()
    finally:
        rig.end()
    return rig.kept


def pending(scenario: Scenario, known: set[str]) -> list[Check]:
    """The checks of a scenario of which nothing is known, in their order."""
    return [check for check in scenario.checks if check.id not in known]


def unreached(scenario: Scenario, check: Check, before: str) -> CheckResult:
    """The result of a check that was not come to, since the one before it ended the scenario."""
    return _result(scenario, check, CheckOutcome.SKIP, f"not reached: {before} ended this scenario")


class _Performance:
    """A program under way."""

    def __init__(self, scenario: Scenario, rig: TargetRig, tell: Told) -> None:
        self._scenario = scenario
        self._rig = rig
        self._tell = tell
        self._known: set[str] = set()
        self._since = monotonic()
        self._told = 0
        self._own = (0, 0)  # Where the calls begin and end that were made for the last check that made any.
        self._failed: list[tuple[CheckResult, Place]] = []

    def run(self) -> None:
        """All of it."""
        reason = self._reason()
        for check in self._scenario.checks:
            why = reason or self._rig.why_not(*check.needs)
            if why:
                self._end(check, CheckOutcome.SKIP, why)
        if not self._pending():
            return
        try:
            for said in self._scenario.program(self._rig):
                self._hear(said)
        except Lacking as lacking:
            self._stop(CheckOutcome.SKIP, str(lacking))
        except Exception as error:  # noqa: BLE001  Told as the database's or as ours.
            self._stop(*self._meaning(error))
        else:
            for check in self._pending():
                self._end(check, CheckOutcome.ERROR, "the scenario's program ended without a word on this check")

    def _reason(self) -> str:
        """Why the target is not asked at all, or nothing."""
        scenario = self._scenario
        lacking = sorted(set(scenario.kinds) - self._rig.kinds)
        if lacking:
            return f"target {self._rig.target} has no {', '.join(lacking)}"
        if scenario.level and scenario.level not in implied_by(self._rig.promised):
            return f"target {self._rig.target} promises {self._rig.promised}, which does not include {scenario.level}"
        return self._rig.why_not(*scenario.calls)

    def _pending(self) -> list[Check]:
        return pending(self._scenario, self._known)

    def _hear(self, said: Observed | Skipped) -> None:
        waiting = self._pending()
        if not waiting or waiting[0].id != said.check:
            due = waiting[0].id if waiting else "nothing"
            raise RuntimeError(f"the program speaks of {said.check} where {due} is due")
        if isinstance(said, Skipped):
            self._end(waiting[0], CheckOutcome.SKIP, said.why)
        else:
            self._end(waiting[0], CheckOutcome.PASS if said.holds else CheckOutcome.FAIL, said.detail, said)

    def _meaning(self, error: Exception) -> tuple[CheckOutcome, str]:
        if not any(error is one for one in self._rig.raised):
            return CheckOutcome.ERROR, f"this is a mistake of Anomalist's own: {described(error)}"
        last = self._rig.transcript[-1].name if self._rig.transcript else "the run"
        if isinstance(error, Refused):
            return CheckOutcome.FAIL, f"{last} was refused ({error.why}): {error}"
        return CheckOutcome.FAIL, f"{last} raised {described(error)}"

    def _stop(self, outcome: CheckOutcome, detail: str) -> None:
        """The scenario cannot go on: the check at hand has this outcome, and the others are not reached."""
        waiting = self._pending()
        if not waiting:
            return  # All is said; what came after it does not count.
        self._end(waiting[0], outcome, detail)
        for check in waiting[1:]:
            if outcome is CheckOutcome.SKIP:
                self._end(check, outcome, detail)
            else:
                self._tell(unreached(self._scenario, check, waiting[0].id))

    def _end(self, check: Check, outcome: CheckOutcome, detail: str, observed: Observed | None = None) -> None:
        self._known.add(check.id)
        now = monotonic()
        failed = outcome is CheckOutcome.FAIL
        if (made := len(self._rig.transcript)) > self._own[1]:
            self._own = (self._own[1], made)
        result = _result(self._scenario, check, outcome, detail)._replace(
            failed=observed.failed if observed is not None else int(failed),
            tries=observed.tries if observed is not None else 1,
            seconds=round(now - self._since, 3),
            transcript=self._transcript() if failed else (),
        )
        if failed:
            self._failed.append((result, Place(self._own[0], made, len(self._rig.performances))))
        self._tell(result)
        self._since = monotonic()

    def tell_programs(self) -> None:
        """Those that failed once more, each with its program. To find the shortest can take a while."""
        for result, place in self._failed:
            self._tell(result._replace(repro=program_of(self._rig, result.id, place, result.detail)))

    def _transcript(self) -> tuple[str, ...]:
        """What was called since this was last told."""
        told, self._told = self._told, len(self._rig.transcript)
        return transcript_text(self._rig.transcript, told, str(self._rig.directory))


def _result(scenario: Scenario, check: Check, outcome: CheckOutcome, detail: str) -> CheckResult:
    return CheckResult(
        id=check.id,
        title=check.title,
        scenario=scenario.id,
        severity=scenario.severity,
        outcome=outcome,
        detail=detail,
        ours=check.ours,
    )
