"""The contract suite on the terminal: a table of its sections, every broken promise, what was not tried and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.contract import CheckOutcome, ContractRun
from reports.findings import (
    MARKS,
    Finding,
    Reason,
    check_ids,
    findings,
    observation,
    reasons,
    repeat_command,
    sections,
)
from reports.values import counted, visible

__all__ = ["contract_parts"]

_STYLE = {
    CheckOutcome.PASS: "bold green",
    CheckOutcome.FAIL: "bold red",
    CheckOutcome.SKIP: "dim",
    CheckOutcome.ERROR: "bold yellow",
}
_SEVERITY_STYLE = {"critical": "bold red", "high": "bold yellow"}
_COLUMNS = (CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.SKIP, CheckOutcome.ERROR)
_CALLS_MAX = 6
_REASONS_MAX = 12


def contract_parts(run: ContractRun) -> Iterator[RenderableType]:
    """What a rich console prints between the headline of the suite and its last lines."""
    yield _sections(run)
    severity = ""
    for finding in findings(run):
        if finding.severity != severity:
            severity = finding.severity
            yield Text("\n" + visible(severity.upper(), 20), style=_SEVERITY_STYLE.get(severity, "bold"), end="")
        yield _finding(run, finding)
    yield from _reasons(run, CheckOutcome.SKIP, "not tried")
    yield from _reasons(run, CheckOutcome.ERROR, "errors of the harness: of these nothing is said of the database")


def _sections(run: ContractRun) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("section", overflow="fold")
    table.add_column("outcome", no_wrap=True)
    for outcome in _COLUMNS:
        table.add_column(outcome.name.lower(), justify="right", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    for section in sections(run):
        table.add_row(
            Text(visible(f"{section.letter}  {section.title}", 60)),
            _word(section.outcome),
            *(Text(str(section.count(one) or "")) for one in _COLUMNS),
            Text(visible(section.severity, 20)),
        )
    return table


def _word(outcome: CheckOutcome | None) -> Text:
    if outcome is None:
        return Text("not run", style="dim")
    return Text(f"{MARKS[outcome]} {outcome.name}", style=_STYLE[outcome])


def _finding(run: ContractRun, finding: Finding) -> RenderableType:
    title = Text("\n")
    title.append(visible(f"{finding.number}. {finding.title} ({finding.scenario})"), style="bold")
    title.append(f"  {len(finding.failed)} of {counted(finding.tried, 'check')} failed", style="dim")
    lines: list[RenderableType] = []
    for result in finding.failed:
        line = Text(f"{MARKS[CheckOutcome.FAIL]} ", style="red")
        line.append(visible(result.id, 40), style="bold")
        line.append(visible(f"  {result.title}"), style="default not bold")
        told = Text(visible(observation(result)))
        lines += [line, Padding(Group(told, *_calls(result.transcript)), (0, 0, 0, 2), expand=False)]
    for name, text in (
        ("impact", finding.impact),
        ("advice", finding.advice),
        ("repeat", repeat_command(run, finding.scenario)),
    ):
        if text:
            lines.append(Text(name, style="dim").append(visible(f"  {text}"), style="default not dim"))
    return Group(title, Padding(Group(*lines), (0, 0, 0, 3), expand=False))


def _calls(transcript: Sequence[str]) -> Iterator[RenderableType]:
    """The last calls before the check failed."""
    left_out = len(transcript) - _CALLS_MAX
    lines = [f"… {counted(left_out, 'line')} before these"] if left_out > 0 else []
    for line in (*lines, *transcript[-_CALLS_MAX:]):
        yield Padding(Text(visible(line, 300), style="dim"), (0, 0, 0, 2), expand=False)


def _reasons(run: ContractRun, outcome: CheckOutcome, heading: str) -> Iterator[RenderableType]:
    told = reasons(run, outcome)
    if not told:
        return
    yield Text(f"\n{heading}", style=_STYLE[outcome])
    for reason in told[:_REASONS_MAX]:
        yield _reason(run, reason)
    rest = told[_REASONS_MAX:]
    if rest:
        checks = counted(sum(len(reason.results) for reason in rest), "check")
        yield Text(f"  … and {checks} for {counted(len(rest), 'more reason')}: the report has them all")


def _reason(run: ContractRun, reason: Reason) -> RenderableType:
    line = Text(visible(f"{counted(len(reason.results), 'check')}: {reason.detail}"))
    line.append(visible(f" ({check_ids(reason.results, run)})", 200), style="dim")
    return Padding(line, (0, 0, 0, 2), expand=False)
