"""A suite run as Markdown, for a pull request, a job summary or a wiki: verdict, runs, anomalies with their proof."""

from __future__ import annotations

from collections.abc import Iterator

from harness.verdict import NOT_RUN, RunResult, SuiteRun
from reports.findings_markdown import findings_markdown
from reports.headline import headline
from reports.markdown_text import code, fenced, inline, table
from reports.overall import AnomalyGroup, Overall, overall
from reports.run_words import anomaly_names, evidence, run_name, where

__all__ = ["render_markdown"]

_ANOMALIES_MAX = 100
_STEPS_MAX = 40

Seen = list[tuple[RunResult, Overall]]


def render_markdown(suite_run: SuiteRun) -> str:
    """The whole document. Of a contract suite its findings, then the histories that were recorded for them."""
    seen = [(run, overall(run)) for run in suite_run.runs]
    if suite_run.contract is None:
        parts = [*_verdict(suite_run, seen), *_runs(seen), *_anomalies(seen), *_repeat(suite_run)]
    else:
        histories = ["---\n\n## Recorded histories\n", *_runs(seen), *_anomalies(seen)] if seen else []
        parts = [findings_markdown(suite_run.contract), *histories]
    return "\n".join(parts).rstrip("\n") + "\n"


def _verdict(suite_run: SuiteRun, seen: Seen) -> Iterator[str]:
    bold, rest = headline(suite_run, seen)
    yield f"# {suite_run.outcome.name}: {inline(suite_run.suite or 'history')}\n"
    yield f"**{inline(bold)}** {inline(rest, 700)}\n"
    for name, row in suite_run.environment:
        if name == NOT_RUN:
            yield f"Not run: {inline(row)}\n"


def _runs(seen: Seen) -> Iterator[str]:
    rows = (
        (
            inline(run_name(run)),
            f"**{one.outcome.name}**" + (f" {inline(one.reason)}" if one.reason else ""),
            inline(where(run)),
            inline(one.expected),
            inline(anomaly_names(one)),
            inline(evidence(one)),
        )
        for run, one in seen
    )
    if seen:
        yield "\n".join(table(("Workload", "Outcome", "Target", "Expected", "Anomalies", "Evidence"), rows)) + "\n"
    for run, one in seen:
        if one.reason and one.sentence:
            yield f"{inline(run_name(run))}: {inline(one.reason)}: {inline(one.sentence)}\n"
        elif run.stopped:
            yield f"{inline(run_name(run))}: {inline(run.stopped)}\n"


def _anomalies(seen: Seen) -> Iterator[str]:
    """Those that break an expectation first. What is not told is counted."""
    found = [(run, group) for run, one in seen for group in one.groups]
    found.sort(key=lambda pair: pair[1].allowed)
    if found:
        yield "## Anomalies\n"
    for run, group in found[:_ANOMALIES_MAX]:
        yield from _anomaly(run, group)
    if len(found) > _ANOMALIES_MAX:
        yield f"{len(found) - _ANOMALIES_MAX} further anomalies are not told here.\n"


def _anomaly(run: RunResult, group: AnomalyGroup) -> Iterator[str]:
    anomaly = group.first
    state = ", allowed at the expected level" if group.allowed else ""
    yield f"### {inline(group.name)} ×{group.count}{state}\n"
    yield f"{inline(anomaly.sentence)}\n"
    steps = [f"{number}. {inline(step.sentence)}" for number, step in enumerate(anomaly.steps[:_STEPS_MAX], 1)]
    if steps:
        left_out = len(anomaly.steps) - _STEPS_MAX
        yield "\n".join(steps) + (f"\n\n{left_out} further steps are not listed.\n" if left_out > 0 else "\n")
    if anomaly.details:
        yield "\n".join(f"{_indent(detail)}- {inline(detail)}" for detail in anomaly.details) + "\n"
    yield f"{inline(run_name(run))}, fingerprint {code(group.fingerprint)}\n"
    if run.info.command:
        yield f"Repeat: {code(run.info.command)}\n"


def _indent(detail: str) -> str:
    """What a detail begins with: an argument's cases stand below it."""
    return detail[: len(detail) - len(detail.lstrip(" "))]


def _repeat(suite_run: SuiteRun) -> Iterator[str]:
    if suite_run.command:
        yield "## How to repeat\n"
        yield "\n".join(fenced([suite_run.command])) + "\n"
