"""A contract run seen as a whole: what every output of it is made from.

Finding   a scenario that broke a promise, with all its checks that failed; the worst severity first
Section   a letter of the catalogue with all its checks
Reason    checks of one outcome that share their detail: why they were skipped, or what error ended them
Held      a scenario whose checks held, as far as they were tried
Advice    what to do first, with the findings that it is about
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from harness.contract import SEVERITIES, CheckOutcome, CheckResult, ContractRun
from reports.values import counted

__all__ = [
    "MARKS",
    "Advice",
    "Finding",
    "Held",
    "Reason",
    "Section",
    "advice",
    "check_ids",
    "extent",
    "findings",
    "held",
    "observation",
    "rate",
    "reasons",
    "repeat_command",
    "sections",
    "subject",
    "tally",
]

# Beside the word, so that colour never says anything alone.
MARKS: Final = {CheckOutcome.PASS: "✓", CheckOutcome.FAIL: "✕", CheckOutcome.SKIP: "–", CheckOutcome.ERROR: "!"}
_NUMBERED: Final = re.compile(r"(.*\D)(\d{1,9})")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A scenario that broke a promise. `number` counts from 1; `tried` are its checks that held or failed."""

    number: int
    scenario: str
    title: str
    severity: str
    impact: str
    advice: str
    failed: tuple[CheckResult, ...]
    tried: int


class Section(NamedTuple):
    """A letter and what became of its checks."""

    letter: str
    title: str
    results: tuple[CheckResult, ...]

    @property
    def outcome(self) -> CheckOutcome | None:
        """That of all its checks together; None where none was run."""
        return max((one.outcome for one in self.results), default=None)

    @property
    def severity(self) -> str:
        """The worst of what failed, "" where nothing did."""
        return min((one.severity for one in self.results if one.outcome is CheckOutcome.FAIL), key=_rank, default="")

    def count(self, outcome: CheckOutcome) -> int:
        """How many of its checks have this outcome."""
        return sum(one.outcome is outcome for one in self.results)


class Reason(NamedTuple):
    """Checks with one outcome and one detail."""

    detail: str
    results: tuple[CheckResult, ...]


class Held(NamedTuple):
    """A scenario none of whose checks failed and some held; `results` are these."""

    scenario: str
    title: str
    results: tuple[CheckResult, ...]
    skipped: int


class Advice(NamedTuple):
    """What to do, and the findings that call for it: the worst of their severities, their scenarios."""

    text: str
    severity: str
    scenarios: tuple[str, ...]


def findings(run: ContractRun) -> tuple[Finding, ...]:
    """The broken promises by severity, and within one in the order of the catalogue."""
    broken: dict[str, list[CheckResult]] = {}
    for result in run.results:
        if result.outcome is CheckOutcome.FAIL:
            broken.setdefault(result.scenario, []).append(result)
    worst_first = sorted(broken.items(), key=lambda item: min(_rank(one.severity) for one in item[1]))
    return tuple(_finding(run, number, *item) for number, item in enumerate(worst_first, 1))


def sections(run: ContractRun) -> tuple[Section, ...]:
    """Every letter of the catalogue, those without a result too."""
    letters = dict.fromkeys((*run.sections, *(result.id[:1] for result in run.results)))
    return tuple(Section(one, run.sections.get(one, ""), tuple(run.of_section(one))) for one in letters)


def reasons(run: ContractRun, outcome: CheckOutcome) -> tuple[Reason, ...]:
    """The checks of one outcome by their detail, the most frequent first."""
    grouped: dict[str, list[CheckResult]] = {}
    for result in run.results:
        if result.outcome is outcome:
            grouped.setdefault(result.detail, []).append(result)
    return tuple(
        sorted((Reason(detail, tuple(of)) for detail, of in grouped.items()), key=lambda one: -len(one.results))
    )


def held(run: ContractRun) -> tuple[Held, ...]:
    """The scenarios that kept what was tried of them, in the order of the catalogue."""
    rows = []
    for scenario, results in _by_scenario(run.results):
        outcomes = [one.outcome for one in results]
        if max(outcomes) is CheckOutcome.PASS:
            passed = tuple(one for one in results if one.outcome is CheckOutcome.PASS)
            rows.append(Held(scenario, _title(run, scenario), passed, len(results) - len(passed)))
    return tuple(rows)


def advice(run: ContractRun) -> tuple[Advice, ...]:
    """What to do, worst findings first; advice that several findings share is given once."""
    given: dict[str, list[Finding]] = {}
    for finding in findings(run):
        if finding.advice:
            given.setdefault(finding.advice, []).append(finding)
    return tuple(Advice(text, of[0].severity, tuple(one.scenario for one in of)) for text, of in given.items())


def subject(run: ContractRun) -> str:
    """What was tested, by name and version."""
    return f"{run.target} {run.version}".strip() or "the target"


def extent(run: ContractRun) -> str:
    """As in `135 checks in 16 sections (A–P)`."""
    letters = [one.letter for one in sections(run) if one.results]
    span = f" ({letters[0]}–{letters[-1]})" if len(letters) > 1 else ""
    return f"{counted(len(run.results), 'check')} in {counted(len(letters), 'section')}{span}"


def tally(run: ContractRun) -> str:
    """As in `96 of 135 checks hold, 16 fail, 21 skipped, 2 errors`."""
    errors = run.count(CheckOutcome.ERROR)
    others = (
        (run.count(CheckOutcome.FAIL), "fail"),
        (run.count(CheckOutcome.SKIP), "skipped"),
        (errors, "error" if errors == 1 else "errors"),
    )
    holding = f"{run.count(CheckOutcome.PASS)} of {counted(len(run.results), 'check')} hold"
    stopped = ["stopped by hand"] if run.interrupted else []
    return ", ".join([holding, *(f"{number} {word}" for number, word in others if number), *stopped])


def rate(result: CheckResult) -> str:
    """As in `in 17 of 20 rounds`, "" where it was tried once."""
    return f"in {result.failed} of {result.tries} rounds" if result.tries > 1 else ""


def observation(result: CheckResult) -> str:
    """What was seen of a check, with the rate unless the detail tells it already."""
    often = rate(result)
    return f"{result.detail}; {often}" if often and often not in result.detail else result.detail


def check_ids(results: Iterable[CheckResult], run: ContractRun) -> str:
    """Ids in few words: `C1` where all of that scenario are among them, else `C2.1–C2.3, C2.5`."""
    whole = {scenario: len(of) for scenario, of in _by_scenario(run.results)}
    words = []
    for scenario, of in _by_scenario(results):
        if len(of) == whole.get(scenario) and len(of) > 1:
            words.append(scenario)
        else:
            words += _ranges([one.id for one in of])
    return ", ".join(words)


def repeat_command(run: ContractRun, scenario: str) -> str:
    """The command that tries this scenario alone; "" where none is known."""
    if not run.command or "--check" in run.command.split():
        return run.command
    return f"{run.command} --check {scenario}"


def _finding(run: ContractRun, number: int, scenario: str, failed: Sequence[CheckResult]) -> Finding:
    row = run.scenarios.get(scenario, {})
    tried = (CheckOutcome.PASS, CheckOutcome.FAIL)
    return Finding(
        number=number,
        scenario=scenario,
        title=_title(run, scenario),
        severity=min((one.severity for one in failed), key=_rank),
        impact=row.get("impact", ""),
        advice=row.get("advice", ""),
        failed=tuple(failed),
        tried=sum(one.scenario == scenario and one.outcome in tried for one in run.results),
    )


def _title(run: ContractRun, scenario: str) -> str:
    return run.scenarios.get(scenario, {}).get("title", "") or scenario


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _by_scenario(results: Iterable[CheckResult]) -> list[tuple[str, list[CheckResult]]]:
    return [(scenario, list(of)) for scenario, of in groupby(results, key=lambda one: one.scenario)]


def _ranges(ids: Sequence[str]) -> list[str]:
    """Three or more of consecutive numbers become `first–last`."""
    words: list[str] = []
    for _, group in groupby(enumerate(ids), key=lambda item: _place(item[1], item[0])):
        run = [name for _, name in group]
        words += [f"{run[0]}–{run[-1]}"] if len(run) > 2 else run
    return words


def _place(name: str, at: int) -> tuple[str, int]:
    """Equal for neighbours in a list whose numbers count up by one."""
    numbered = _NUMBERED.fullmatch(name)
    return (numbered[1], int(numbered[2]) - at) if numbered else (name, at)
