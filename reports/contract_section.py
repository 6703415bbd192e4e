"""The contract suite as the page shows it: findings, what to do first, every check, what was not tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from harness.contract import SEVERITIES, CheckOutcome, CheckResult, ContractRun
from harness.verdict import RunResult
from reports.findings import (
    Advice,
    Finding,
    Reason,
    Section,
    advice,
    check_ids,
    extent,
    findings,
    held,
    reasons,
    repeat_command,
    sections,
    subject,
)

__all__ = ["ContractPart", "contract_part"]


class Told(NamedTuple):
    """A finding on the page: its id, the command that repeats it, (id, workload) of the histories it has."""

    finding: Finding
    anchor: str
    command: str
    histories: tuple[tuple[str, str], ...]


class Row(NamedTuple):
    """A check in the table of its section."""

    result: CheckResult
    anchor: str


class Group(NamedTuple):
    """The checks of one scenario; `finding` is the id of its finding, "" where all is well."""

    scenario: str
    title: str
    finding: str
    rows: tuple[Row, ...]


class Letter(NamedTuple):
    """A section on the page."""

    section: Section
    anchor: str
    counts: str
    groups: tuple[Group, ...]


class Because(NamedTuple):
    """Why some checks said nothing, and which these are."""

    reason: Reason
    checks: str


@dataclass(frozen=True, kw_only=True)
class ContractPart:
    """Everything the template needs for the contract suite."""

    subject: str
    extent: str
    checks: int
    told: tuple[tuple[str, tuple[Told, ...]], ...]  # (severity, its findings)
    counts: tuple[tuple[CheckOutcome, int], ...]
    severities: str
    whole: str
    letters: tuple[Letter, ...]
    skipped: tuple[Because, ...]
    errors: tuple[Because, ...]
    advice: tuple[Advice, ...]
    anchors: dict[str, str]
    added: bool


def contract_part(run: ContractRun, runs: Sequence[RunResult]) -> ContractPart:
    """`runs` are the histories of the suite in the order of their ids, run-1 first."""
    found = findings(run)
    ids = _Ids()
    anchors = {one.scenario: ids.new("f", one.scenario) for one in found}
    told = [
        Told(one, anchors[one.scenario], repeat_command(run, one.scenario), _histories(one, runs)) for one in found
    ]
    letters = tuple(_letter(run, one, anchors, ids) for one in sections(run))
    counts = ((outcome, run.count(outcome)) for outcome in reversed(CheckOutcome))
    by_severity = groupby(told, key=lambda one: one.finding.severity)
    return ContractPart(
        subject=subject(run),
        extent=extent(run),
        checks=len(run.results),
        told=tuple((severity, tuple(of)) for severity, of in by_severity),
        counts=tuple((outcome, number) for outcome, number in counts if number),
        severities=_severities(found),
        whole=f"{len(held(run))} of {len({one.scenario for one in run.results})} hold",
        letters=letters,
        skipped=_because(run, CheckOutcome.SKIP),
        errors=_because(run, CheckOutcome.ERROR),
        advice=advice(run),
        anchors=anchors,
        added=any(one.ours for one in run.results),
    )


class _Ids:
    """Ids that are safe in an address and unique on the page."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def new(self, prefix: str, name: str) -> str:
        safe = "".join(one if one.isascii() and (one.isalnum() or one == ".") else "-" for one in name)
        anchor = f"{prefix}-{safe[:60]}"
        while anchor in self._used:
            anchor += "x"
        self._used.add(anchor)
        return anchor


def _histories(finding: Finding, runs: Sequence[RunResult]) -> tuple[tuple[str, str], ...]:
    """(id, workload) of the runs that were recorded when this scenario was performed."""
    ending = f" --check {finding.scenario}"
    numbered = enumerate(runs, 1)
    return tuple(
        (f"run-{number}", run.info.workload) for number, run in numbered if run.info.command.endswith(ending)
    )


def _letter(run: ContractRun, section: Section, anchors: dict[str, str], ids: _Ids) -> Letter:
    groups = tuple(
        Group(
            scenario,
            run.scenarios.get(scenario, {}).get("title", ""),
            anchors.get(scenario, ""),
            tuple(Row(one, ids.new("c", one.id)) for one in of),
        )
        for scenario, of in groupby(section.results, key=lambda one: one.scenario)
    )
    counts = ((section.count(outcome), outcome.name.lower()) for outcome in reversed(CheckOutcome))
    told = ", ".join(f"{number} {word}" for number, word in counts if number)
    return Letter(section, ids.new("section", section.letter), told, groups)


def _severities(found: Sequence[Finding]) -> str:
    numbers = ((sum(one.severity == severity for one in found), severity) for severity in SEVERITIES)
    return ", ".join(f"{number} {severity}" for number, severity in numbers if number) or "none"


def _because(run: ContractRun, outcome: CheckOutcome) -> tuple[Because, ...]:
    return tuple(Because(one, check_ids(one.results, run)) for one in reasons(run, outcome))
