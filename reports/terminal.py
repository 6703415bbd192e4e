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
from reports.overall import AnomalyGroup, Overall, overall
from reports.values import visible

__all__ = ["summary"]

_STYLE = {Outcome.PASS: "bold green", Outcome.UNKNOWN: "bold yellow", Outcome.FAIL: "bold red"}
_ANOMALIES_MAX = 10
_STEPS_MAX = 20

Seen = list[tuple[RunResult, Overall]]


def summary(suite_run: SuiteRun, report: str = "") -> RenderableType:
    """What a rich console prints for the suite; `report` is the path of the page, if one was written."""
    seen = [(run, overall(run)) for run in suite_run.runs]
    parts: list[RenderableType] = [_headline(suite_run, seen), _table(seen)]
    parts += [
        Text(visible(f"{NOT_RUN}: {row}"), style="yellow") for name, row in suite_run.environment if name == NOT_RUN
    ]
    parts += _mishaps(seen)
    parts += _anomalies(seen)
    parts.append(_closing(suite_run, report))
    return Group(*parts)


def _headline(suite_run: SuiteRun, seen: Seen) -> Text:
    outcome = suite_run.outcome
    counts = [
        f"{number} {kind.name.lower()}"
        for kind in reversed(Outcome)
        if (number := sum(one.outcome == kind for _, one in seen))
    ]
    line = Text()
    line.append(outcome.name, style=_STYLE[outcome])
    name = f"{suite_run.suite}: " if suite_run.suite else ""
    line.append(visible(f"  {name}{', '.join(counts) or 'nothing ran'}, {suite_run.seconds:.1f} s"))
    if seen and not _varies(seen):
        line.append("\n" + visible(f"{_where(seen[0][0])}, expected {seen[0][1].expected}", 120), style="dim")
    return line


def _varies(seen: Seen) -> bool:
    """Whether runs differ in target, level or expectation, so that each row has to say its own."""
    return len({(_where(run), one.expected) for run, one in seen}) > 1


def _where(run: RunResult) -> str:
    parts = (run.info.target, run.info.target_version, run.info.level and f"at {run.info.level}")
    return " ".join(part for part in parts if part) or "recorded elsewhere"


def _table(seen: Seen) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("workload", overflow="fold")
    table.add_column("outcome", no_wrap=True)
    varies = _varies(seen)
    for name in ("target", "expected", "anomalies", "evidence") if varies else ("anomalies", "evidence"):
        table.add_column(name, overflow="fold")
    for run, one in seen:
        where = (Text(visible(_where(run), 60)), Text(visible(one.expected, 60))) if varies else ()
        table.add_row(
            Text(visible(_run_name(run), 60)),
            Text(one.outcome.name + (f" {visible(one.reason, 20)}" if one.reason else ""), style=_STYLE[one.outcome]),
            *where,
            Text(_names(one)),
            Text(_evidence(one)),
        )
    return table


def _run_name(run: RunResult) -> str:
    if run.info.foreign:
        place = run.info.settings.get("file") or run.directory
        return " ".join(part for part in (run.info.workload, place) if part) or "history"
    return f"{run.info.workload or run.directory} seed {run.info.seed}"


def _names(one: Overall) -> str:
    return visible(
        ", ".join(f"{group.name} ×{group.count}" + (" allowed" if group.allowed else "") for group in one.groups)
        or "none"
    )


def _evidence(one: Overall) -> str:
    """What is lacking, or else how much there is."""
    if one.lacking:
        return visible(", ".join(f"{row.name} {row.found} of {row.needed} needed" for row in one.lacking))
    return visible(f"{int(one.stats['txns'])} txns, " + ", ".join(f"{row.name} {row.found}" for row in one.evidence))


def _mishaps(seen: Seen) -> Iterator[RenderableType]:
    for run, one in seen:
        if one.outcome == Outcome.UNKNOWN and one.sentence:
            yield Text(visible(f"{_run_name(run)}: {one.reason}: {one.sentence}"), style="yellow")
        if run.history.cut and run.history.cut not in one.sentence:
            yield Text(visible(f"{_run_name(run)}: this history is not whole: {run.history.cut}"), style="yellow")


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
    title.append(visible(f"  {_run_name(run)}  fingerprint {group.fingerprint}"), style="dim")
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
