"""The summary that `run` and `check` print: an outcome, a table of runs, each anomaly that counts with its proof.

Everything is a rich `Text`, never markup, and goes through `visible`: no value from a database can colour, move
or erase anything on the terminal. Colour only repeats what a word already says, so a plain console loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.verdict import NOT_RUN, Outcome, RunResult, SuiteRun
from reports.contract_terminal import contract_parts
from reports.findings import subject, tally
from reports.overall import AnomalyGroup, Overall, overall
from reports.run_words import anomaly_names, evidence, run_name, where
from reports.values import visible

__all__ = ["summary"]

_STYLE = {Outcome.PASS: "bold green", Outcome.UNKNOWN: "bold yellow", Outcome.FAIL: "bold red"}
_ANOMALIES_MAX = 10
_STEPS_MAX = 20

Seen = list[tuple[RunResult, Overall]]


def summary(suite_run: SuiteRun, report: str = "") -> RenderableType:
    """What a rich console prints for the suite; `report` is the path of the page, if one was written."""
    seen = [(run, overall(run)) for run in suite_run.runs]
    parts: list[RenderableType] = [_headline(suite_run, seen)]
    if suite_run.contract is not None:
        parts += contract_parts(suite_run.contract)
        if seen:
            parts += [Text("\nrecorded histories; the report has their proofs", style="dim"), _table(seen)]
    else:
        parts.append(_table(seen))
    parts += [
        Text(visible(f"{NOT_RUN}: {row}"), style="yellow") for name, row in suite_run.environment if name == NOT_RUN
    ]
    parts += _mishaps(seen)
    parts += _anomalies(seen) if suite_run.contract is None else []
    parts.append(_closing(suite_run, report))
    return Group(*parts)


def _headline(suite_run: SuiteRun, seen: Seen) -> Text:
    outcome = suite_run.outcome
    line = Text()
    line.append(outcome.name, style=_STYLE[outcome])
    name = f"{suite_run.suite}: " if suite_run.suite else ""
    line.append(visible(f"  {name}{_counts(suite_run, seen)}, {suite_run.seconds:.1f} s"))
    if suite_run.contract is not None:
        settings = (f"{key}={value}" for key, value in suite_run.contract.settings.items())
        line.append("\n" + visible(", ".join((subject(suite_run.contract), *settings)), 120), style="dim")
    elif seen and not _varies(seen):
        line.append("\n" + visible(f"{where(seen[0][0])}, expected {seen[0][1].expected}", 120), style="dim")
    return line


def _counts(suite_run: SuiteRun, seen: Seen) -> str:
    if suite_run.contract is not None:
        return tally(suite_run.contract)
    numbers = ((kind, sum(one.outcome == kind for _, one in seen)) for kind in reversed(Outcome))
    return ", ".join(f"{number} {kind.name.lower()}" for kind, number in numbers if number) or "nothing ran"


def _varies(seen: Seen) -> bool:
    """Whether runs differ in target, level or expectation, so that each row has to say its own."""
    return len({(where(run), one.expected) for run, one in seen}) > 1


def _table(seen: Seen) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("workload", overflow="fold")
    table.add_column("outcome", no_wrap=True)
    varies = _varies(seen)
    for name in ("target", "expected", "anomalies", "evidence") if varies else ("anomalies", "evidence"):
        table.add_column(name, overflow="fold")
    for run, one in seen:
        place = (Text(visible(where(run), 60)), Text(visible(one.expected, 60))) if varies else ()
        table.add_row(
            Text(visible(run_name(run), 60)),
            Text(one.outcome.name + (f" {visible(one.reason, 20)}" if one.reason else ""), style=_STYLE[one.outcome]),
            *place,
            Text(visible(anomaly_names(one))),
            Text(visible(evidence(one))),
        )
    return table


def _mishaps(seen: Seen) -> Iterator[RenderableType]:
    for run, one in seen:
        if one.outcome == Outcome.UNKNOWN and one.sentence:
            yield Text(visible(f"{run_name(run)}: {one.reason}: {one.sentence}"), style="yellow")
        elif left_out := run.info.settings.get("left out"):
            sentence = f"operations of clients left out, being no transaction: {left_out}"
            yield Text(visible(f"{run_name(run)}: {sentence}"), style="yellow")
        for doubt in one.doubts:
            if doubt.reason == "budget" and doubt.sentence not in one.sentence:
                yield Text(visible(f"{run_name(run)}: not searched to the end: {doubt.sentence}"), style="yellow")
        if run.stopped and one.outcome == Outcome.FAIL:
            yield Text(visible(f"{run_name(run)}: {run.stopped}"), style="yellow")
        if run.history.cut and run.history.cut not in one.sentence:
            yield Text(visible(f"{run_name(run)}: this history is not whole: {run.history.cut}"), style="yellow")


def _anomalies(seen: Seen) -> Iterator[RenderableType]:
    """Those that break an expectation first. What is not shown is counted."""
    found = [(run, group) for run, one in seen for group in one.groups]
    found.sort(key=lambda pair: pair[1].allowed)
    for run, group in found[:_ANOMALIES_MAX]:
        yield _anomaly(run, group)
    if len(found) > _ANOMALIES_MAX:
        yield Text(f"\n… and {len(found) - _ANOMALIES_MAX} more anomalies: the report has them all")


def _anomaly(run: RunResult, group: AnomalyGroup) -> RenderableType:
    anomaly = group.first
    title = Text("\n")
    title.append(visible(group.name), style="bold" if group.allowed else "bold red")
    title.append(visible(f" ×{group.count}" + (", allowed at the expected level" if group.allowed else "")))
    title.append(visible(f"  {run_name(run)}  fingerprint {group.fingerprint}"), style="dim")
    lines = [Text(visible(anomaly.sentence))]
    if group.allowed:
        return Group(title, Padding(lines[0], (0, 0, 0, 2), expand=False))
    for number, step in enumerate(anomaly.steps[:_STEPS_MAX], 1):
        lines.append(Text(visible(f"{number}. {step.sentence}")))
    if len(anomaly.steps) > _STEPS_MAX:
        lines.append(Text(f"… and {len(anomaly.steps) - _STEPS_MAX} more steps"))
    lines += [Text(visible(f"- {detail}")) for detail in anomaly.details]
    return Group(title, Padding(Group(*lines), (0, 0, 0, 2), expand=False))


def _closing(suite_run: SuiteRun, report: str) -> Text:
    # A command or a path that is broken into lines cannot be copied.
    closing = Text("\n", no_wrap=True, overflow="ignore")
    if suite_run.command:
        closing.append("repeat  ", style="dim")
        closing.append(visible(suite_run.command))
    if report:
        closing.append(("\n" if suite_run.command else "") + "report  ", style="dim")
        closing.append(visible(report))
    return closing
