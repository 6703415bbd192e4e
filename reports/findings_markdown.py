"""The findings of the contract suite as a Markdown document, written from the results alone.

Title and result, the broken promises by severity with evidence and impact, what held, what was not tried, what to
do first, how to repeat it.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.contract import CheckOutcome, CheckResult, ContractRun
from reports.findings import (
    MARKS,
    Finding,
    Reason,
    advice,
    check_ids,
    extent,
    findings,
    held,
    observation,
    rate,
    reasons,
    repeat_command,
    sections,
    subject,
)
from reports.markdown_text import code, fenced, inline, table
from reports.values import counted

__all__ = ["findings_markdown"]

_TITLES_MAX = 3
_COLUMNS = (CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.SKIP, CheckOutcome.ERROR)


def findings_markdown(run: ContractRun) -> str:
    """The document, with a newline at its end."""
    parts = (_head(run), _findings(run), _sections(run), _held(run), _untried(run), _advice(run), _repeat(run))
    return "\n".join(line for part in parts for line in part)


def _head(run: ContractRun) -> Iterator[str]:
    yield f"# {inline(subject(run))}: findings of the contract suite\n"
    counts = ", ".join(f"{run.count(one)} {one.name}" for one in _COLUMNS if run.count(one) or one is not _COLUMNS[3])
    command = f"**Test:** {code(run.command)} | " if run.command else ""
    yield f"{command}**Result:** {counts} across {extent(run)}\n"
    settings = ", ".join(f"{name}={value}" for name, value in run.settings.items())
    told = [f"Settings: {inline(settings)}."] if settings else []
    told += ["It was stopped by hand: checks that are missing here were not tried."] if run.interrupted else []
    told.append(f"It took {run.seconds:.1f} s.")
    yield " ".join(told) + "\n"


def _findings(run: ContractRun) -> Iterator[str]:
    found = findings(run)
    if not found:
        yield "---\n\n## No broken promise\n"
        yield f"{run.count(CheckOutcome.PASS)} of {counted(len(run.results), 'check')} held and none failed.\n"
    severity = ""
    for finding in found:
        if finding.severity != severity:
            severity = finding.severity
            yield f"---\n\n## {inline(severity.upper())}\n"
        yield from _finding(run, finding)


def _finding(run: ContractRun, finding: Finding) -> Iterator[str]:
    yield f"### {finding.number}. {inline(finding.title)} ({inline(finding.scenario)})\n"
    failed = f"{len(finding.failed)} of {counted(finding.tried, 'check')} failed"
    yield f"**Severity: {inline(finding.severity.upper())}** — {failed}\n"
    for result in finding.failed:
        yield f"- **{inline(result.id)}** {inline(result.title)}  "
        yield f"  Seen: {inline(observation(result))}\n"
        if result.transcript:
            yield "\n".join(fenced(result.transcript)) + "\n"
    if finding.impact:
        yield f"**Impact:** {inline(finding.impact)}\n"
    yield from _reproductions(finding.failed)
    command = repeat_command(run, finding.scenario)
    if command:
        yield f"**Repeat:** {code(command)}\n"


def _reproductions(failed: tuple[CheckResult, ...]) -> Iterator[str]:
    for result in failed:
        if result.repro:
            yield f"**Without the harness** ({inline(result.id)}):\n"
            yield "\n".join(fenced(result.repro.splitlines())) + "\n"


def _sections(run: ContractRun) -> Iterator[str]:
    yield "---\n\n## Sections\n"
    rows = (
        (
            f"**{inline(section.letter)}** {inline(section.title)}",
            f"{MARKS[section.outcome]} {section.outcome.name}" if section.outcome is not None else "not run",
            *(str(section.count(one) or "") for one in _COLUMNS),
            inline(section.severity.upper()),
        )
        for section in sections(run)
    )
    yield "\n".join(table(("Section", "Result", *(one.name for one in _COLUMNS), "Severity"), rows)) + "\n"


def _held(run: ContractRun) -> Iterator[str]:
    rows = [
        (
            f"**{inline(one.title)}**",
            f"{inline(check_ids(one.results, run))} {MARKS[CheckOutcome.PASS]}",
            _notes(one.results, one.skipped),
        )
        for one in held(run)
    ]
    if rows:
        yield "## What passed\n"
        yield "\n".join(table(("Area", "Checks", "Notes"), rows)) + "\n"


def _notes(results: tuple[CheckResult, ...], skipped: int) -> str:
    """What was promised and kept; a rate is said, since it tells how often it was tried."""
    told = [_note(one) for one in results[:_TITLES_MAX]]
    told += [f"and {len(results) - _TITLES_MAX} more"] if len(results) > _TITLES_MAX else []
    told += [f"{skipped} skipped"] if skipped else []
    return "; ".join(told)


def _note(result: CheckResult) -> str:
    often = f" ({result.tries} rounds)" if rate(result) else ""
    return inline(result.title.rstrip(".")) + often


def _untried(run: ContractRun) -> Iterator[str]:
    for outcome, heading in (
        (CheckOutcome.SKIP, "What was not tried"),
        (CheckOutcome.ERROR, "Errors of the harness"),
    ):
        told = reasons(run, outcome)
        if told:
            yield f"## {heading}\n"
            yield "Nothing is said of the database by these checks.\n"
            yield "\n".join(table(("Number", "Checks", "Why"), (_reason(run, one) for one in told))) + "\n"


def _reason(run: ContractRun, reason: Reason) -> tuple[str, ...]:
    return str(len(reason.results)), inline(check_ids(reason.results, run)), inline(reason.detail)


def _advice(run: ContractRun) -> Iterator[str]:
    rows = advice(run)
    if rows:
        yield "---\n\n## Priority recommendations\n"
    for number, one in enumerate(rows, 1):
        scenarios = inline(", ".join(one.scenarios))
        yield f"{number}. **{inline(one.text)}** ({inline(one.severity.upper())}: {scenarios})\n"


def _repeat(run: ContractRun) -> Iterator[str]:
    if run.command:
        yield "## How to repeat\n"
        yield "\n".join(fenced([run.command])) + "\n"
        yield "Each finding has the command that tries it alone.\n" if findings(run) else ""
