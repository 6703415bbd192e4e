"""One run as the page shows it: verdicts, anomalies, timeline, latency, evidence, how it ran, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from harness.history import History, Status
from harness.verdict import Evidence, RunResult
from reports.clock import Clock, clock_of
from reports.limits import limits, repeats
from reports.overall import Overall
from reports.proof import LongestReads, Proof, proof
from reports.series import chart, peak, quantiles, series
from reports.timeline_svg import Timeline, timeline
from reports.values import counted, show

__all__ = ["Chart", "FaultRow", "Plan", "Section", "section"]

_FAULTS_MAX = 40


class Plan(NamedTuple):
    """What the page affords a run: `told` the anchors of anomalies it speaks of, `drawn` those of them in full,
    `pictures` timeline and charts, `bars` a bar for each transaction."""

    told: frozenset[str]
    drawn: frozenset[str]
    pictures: bool
    bars: bool


class Chart(NamedTuple):
    """A small chart with its caption."""

    name: str
    unit: str
    peak: str
    drawing: Markup


class FaultRow(NamedTuple):
    """An injected fault and the number of transactions that were open during it."""

    name: str
    when: str
    detail: str
    touched: int


@dataclass(frozen=True, kw_only=True)
class Section:
    """Everything the template needs for one run."""

    number: int
    anchor: str
    run: RunResult
    overall: Overall
    title: str
    counts: str
    proofs: tuple[Proof, ...]
    untold: int
    timeline: Timeline | None
    first: str
    charts: tuple[Chart, ...]
    chart_note: str
    quantiles: tuple[tuple[str, str], ...]
    evidence: tuple[Evidence, ...]
    facts: tuple[tuple[str, str], ...]
    faults: tuple[FaultRow, ...]
    faults_left_out: int
    repeats: str
    limits: tuple[str, ...]


def section(run: RunResult, one: Overall, number: int, anchors: Mapping[tuple[str, str], str], plan: Plan) -> Section:
    """`number` counts from 1; `anchors` maps (name, fingerprint) to the id of the anomaly on the page."""
    history = run.history
    clock = clock_of(history)
    longest = LongestReads(history)
    proofs = tuple(
        proof(history, group, anchor, clock, longest, drawn=anchor in plan.drawn)
        for group in one.groups
        for anchor in [anchors[group.name, group.fingerprint]]
        if anchor in plan.told
    )
    marked = _marked(history, proofs)
    name = f"run-{number}"
    charts, note = _charts(history, clock, name) if plan.pictures else ((), "")
    return Section(
        number=number,
        anchor=name,
        run=run,
        overall=one,
        title=title(run),
        counts=counts(history),
        proofs=proofs,
        untold=len(one.groups) - len(proofs),
        timeline=timeline(history, marked, clock, bars=plan.bars, name=name)
        if plan.pictures and len(history)
        else None,
        first=_first(history, marked, clock),
        charts=charts,
        chart_note=note,
        quantiles=tuple((share, f"{value:.3g} ms") for share, value in quantiles(history)) if charts else (),
        evidence=one.evidence,
        facts=_facts(run, clock),
        faults=_faults(history, clock),
        faults_left_out=max(0, len(history.faults) - _FAULTS_MAX),
        repeats=repeats(run),
        limits=limits(run, one),
    )


def title(run: RunResult) -> str:
    """What a run is called: workload, target and level, seed."""
    info = run.info
    where = " ".join(part for part in (info.target, info.level) if part)
    seed = "" if info.foreign else f" · seed {info.seed}"
    return f"{info.workload or run.directory or 'history'} · {where or 'recorded elsewhere'}{seed}"


def counts(history: History) -> str:
    """Transactions by fate."""
    ok, aborted, unknown = np.bincount(history.status, minlength=3).tolist()
    return f"{counted(len(history), 'transaction')}: {ok} committed, {aborted} aborted, {unknown} unknown"


def _marked(history: History, proofs: tuple[Proof, ...]) -> dict[int, str]:
    """Anomalous rows and the anchor that explains each; the first anomaly to claim a row keeps it."""
    marked: dict[int, str] = {}
    for one in proofs:
        for anomaly in one.group.instances:
            for row in anomaly.txns:
                if 0 <= row < len(history):
                    marked.setdefault(row, one.anchor)
    return marked


def _first(history: History, marked: Mapping[int, str], clock: Clock) -> str:
    """A sentence on the earliest anomalous transaction; rows are in the order of their starts."""
    if not marked:
        return ""
    row = min(marked)
    return f"The first transaction of an anomaly is T{row}, at {clock.at(int(history.start[row]))}."


def _charts(history: History, clock: Clock, name: str) -> tuple[tuple[Chart, ...], str]:
    if not clock.real:
        kind = "the steps of one thread" if history.info.clock == "steps" else "positions, not time"
        return (), f"This history counts {kind}: it has no latency and no throughput."
    found = series(history, clock)
    if not found:
        return (), "Nothing ended in this history: there is no latency to show."
    drawn = tuple(
        Chart(one.name, one.unit, peak(one, clock), chart(one, history.faults, clock, f"{name}-chart-{place}"))
        for place, one in enumerate(found, 1)
    )
    return drawn, f"{found[0].note}, by the time of completion. A gap is a window in which nothing committed."


def _faults(history: History, clock: Clock) -> tuple[FaultRow, ...]:
    return tuple(
        FaultRow(
            fault.name,
            clock.between(fault.start, fault.end),
            fault.detail,
            int(np.count_nonzero((history.start <= fault.end) & (history.end >= fault.start))),
        )
        for fault in history.faults[:_FAULTS_MAX]
    )


def _facts(run: RunResult, clock: Clock) -> tuple[tuple[str, str], ...]:
    """How the run came to be; rows that say nothing are left out."""
    info, history = run.info, run.history
    rows = (
        ("Target", f"{info.target} {info.target_version}".strip()),
        ("Settings", ", ".join(f"{name}={value}" for name, value in info.settings.items())),
        ("Level it ran at", info.level),
        ("Schedule", info.schedule),
        ("Clients", str(info.clients or len(np.unique(history.client)))),
        ("Parameters", ", ".join(f"{name}={show(value)}" for name, value in info.params.items())),
        ("Time", clock.between(clock.low, clock.high) if len(history) else ""),
        ("Started", info.started),
        ("Wall time", f"{run.seconds:.2f} s" if run.seconds else ""),
        ("History", _history_fact(run)),
        ("Origin", "recorded elsewhere" if info.foreign else ""),
    )
    return tuple((name, value) for name, value in rows if value)


def _history_fact(run: RunResult) -> str:
    history = run.history
    committed = int(np.count_nonzero(history.status == Status.OK))
    where = f"{run.directory}: " if run.directory else ""
    size = f"{len(history)} transactions ({committed} committed), {len(history.op_kind)} operations"
    return f"{where}{size}, format {history.info.format_version}"
