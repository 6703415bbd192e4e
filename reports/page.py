"""The HTML page: one file, no request, readable with scripts off, the same bytes for the same inputs.

The page has a budget: anomalies in full, bars and charts go to the worst runs first, and wherever something is
told in words only the page says so. Nothing depends on the number of transactions but the numpy columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

from harness.contract import CheckOutcome
from harness.verdict import Outcome, RunResult, SuiteRun
from reports.carried import circled
from reports.contract_section import contract_part
from reports.findings import observation, subject
from reports.headline import headline
from reports.limits import CONTRACT_REPEATS, contract_limits, repeats, suite_limits
from reports.overall import Overall, Row, overall, rows_of
from reports.rail import Stop, off_rail, rail, standing
from reports.section import Plan, section, title
from reports.timeline_svg import OPERATIONS_MAX
from reports.values import counted, visible

__all__ = ["render_page"]

_DRAWN_MAX = 24
_PICTURES_MAX = 16
_BAR_OPERATIONS_MAX = 2 * OPERATIONS_MAX
_SECTIONS_MAX = 500
_CELL_MAX = 12
_ROWS_MAX = 400

Seen = list[tuple[RunResult, Overall]]
Anchors = list[dict[tuple[str, str], str]]


class Link(NamedTuple):
    """A run in a cell of the matrix. `href` is empty where the page has no section of it."""

    outcome: Outcome
    note: str
    href: str


class Cell(NamedTuple):
    """All seeds of one target, level and workload, worst first; `more` counts what is not listed, by outcome."""

    workload: str
    links: tuple[Link, ...]
    more: str


class MatrixRow(NamedTuple):
    """One target and level against all workloads."""

    target: str
    level: str
    expected: str
    cells: tuple[Cell, ...]


class Listed(NamedTuple):
    """One line of the anomalies table, with the anchors it stands for."""

    row: Row
    anchors: tuple[str, ...]
    edges: str
    where: str


@dataclass(frozen=True, kw_only=True)
class _Lead:
    """The worst run, of which the strip shows the levels."""

    rail: tuple[Stop, ...]
    about: str
    seeds: str
    command: str
    repeats: str


def render_page(suite_run: SuiteRun) -> str:
    """The whole page as text."""
    seen = [(run, overall(run)) for run in suite_run.runs]
    anchors = _anchors(seen)
    listed = [_listed(row, anchors, seen) for row in rows_of(one for _, one in seen)]
    told = _told(listed)
    plans = _plans(seen, told)
    shown = _shown(seen)
    sections = [section(*seen[at], at + 1, anchors[at], plans[at]) for at in shown]
    bold, rest = headline(suite_run, seen)
    values: dict[str, Any] = {
        "suite_run": suite_run,
        "outcome": suite_run.outcome,
        "contract": contract_part(suite_run.contract, suite_run.runs) if suite_run.contract else None,
        "runs_shown": bool(seen) or suite_run.contract is None,
        "bold": bold,
        "rest": rest,
        "lead": _lead(suite_run, seen),
        "tally": _tally(seen),
        "matrix": _matrix(seen, set(shown)),
        "workloads": list(dict.fromkeys(_workload(run) for run, _ in seen)),
        "listed": listed[:_ROWS_MAX],
        "unlisted": max(0, len(listed) - _ROWS_MAX),
        "sections": sections,
        "unshown": len(seen) - len(shown),
        "transactions": sum(len(run.history) for run, _ in seen),
        "environment": _environment(suite_run),
        "limits": _limits(suite_run, seen),
    }
    return _template().render(values)


def _environment(suite_run: SuiteRun) -> list[tuple[str, str]]:
    """The suite's own rows first; a row that the environment has as well is not said twice."""
    own = [("Suite", suite_run.suite), ("Started", suite_run.started), ("Anomalist", suite_run.version)]
    if suite_run.contract is not None:
        settings = ", ".join(f"{name}={value}" for name, value in suite_run.contract.settings.items())
        own += [("Target", subject(suite_run.contract)), ("Settings", settings)]
    told = {name.lower() for name, _ in suite_run.environment}
    rows = [row for row in own if row[0].lower() not in told]
    return [(name, value) for name, value in (*rows, *suite_run.environment) if value]


def _limits(suite_run: SuiteRun, seen: Seen) -> tuple[str, ...]:
    if suite_run.contract is None:
        return suite_limits(seen)
    return (*contract_limits(suite_run.contract), *(suite_limits(seen) if seen else ()))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
    )
    environment.globals["circled"] = circled
    environment.globals["outcomes"] = (CheckOutcome.PASS, CheckOutcome.FAIL, CheckOutcome.SKIP, CheckOutcome.ERROR)
    environment.filters["brief"] = visible
    environment.filters["observation"] = observation
    return environment.get_template("page.html.j2")


def _finalize(value: Any) -> Any:
    """Every value that a template prints passes here, then through autoescape."""
    if isinstance(value, Markup):
        return value
    return visible(str(value))


def _anchors(seen: Seen) -> Anchors:
    """For each run (name, fingerprint) → id. A fingerprint's first place is a-<fingerprint>, unique on the page."""
    used: set[str] = set()
    anchors: Anchors = []
    for number, (_, one) in enumerate(seen, 1):
        own = {}
        for group in one.groups:
            plain = "a-" + "".join(letter for letter in group.fingerprint if letter.isalnum() and letter.isascii())
            anchor = plain if plain not in used and plain != "a-" else f"{plain}-{number}"
            while anchor in used:
                anchor += "x"
            used.add(anchor)
            own[group.name, group.fingerprint] = anchor
        anchors.append(own)
    return anchors


def _worst_first(seen: Seen) -> list[int]:
    """Places of the runs: FAIL, then UNKNOWN, then those with anomalies, then the rest, each in its order."""
    return sorted(range(len(seen)), key=lambda at: (-seen[at][1].outcome, not seen[at][1].groups))


def _shown(seen: Seen) -> list[int]:
    """The runs that have a section, in the order of the page: worst first."""
    return _worst_first(seen)[:_SECTIONS_MAX]


def _told(listed: Sequence[Listed]) -> list[str]:
    """The anchors of the anomalies that the page tells, each fingerprint's first place before any second one."""
    firsts = [line.anchors[0] for line in listed[:_ROWS_MAX]]
    others = [anchor for line in listed[:_ROWS_MAX] for anchor in line.anchors[1:]]
    return (firsts + others)[:_ROWS_MAX]


def _plans(seen: Seen, told: Sequence[str]) -> list[Plan]:
    """Spends the page's budget, on the worst runs first."""
    order = _worst_first(seen)
    plans: dict[int, Plan] = {}
    spent = 0
    for place, at in enumerate(order):
        operations = len(seen[at][0].history.op_kind)
        bars = operations <= OPERATIONS_MAX and spent + operations <= _BAR_OPERATIONS_MAX and place < _PICTURES_MAX
        spent += operations if bars else 0
        plans[at] = Plan(frozenset(told), frozenset(told[:_DRAWN_MAX]), place < _PICTURES_MAX, bars)
    return [plans[at] for at in range(len(seen))]


def _lead(suite_run: SuiteRun, seen: Seen) -> _Lead | None:
    """Levels of the worst run's target, over all runs of that target at the same level and expectation.

    A contract suite has no levels of its own: the histories that it keeps are those that failed.
    """
    if suite_run.contract is not None:
        return _Lead(rail=(), about="", seeds="", command=suite_run.command, repeats=CONTRACT_REPEATS)
    if not seen:
        return None
    run, one = seen[_worst_first(seen)[0]]
    alike = [
        other
        for each, other in seen
        if (each.info.target, each.info.level, other.expected) == (run.info.target, run.info.level, one.expected)
    ]
    seeds = [str(seed) for seed in dict.fromkeys(each.info.seed for each, _ in seen if not each.info.foreign)]
    told = ", ".join(seeds[:6]) + (f" and {len(seeds) - 6} more" if len(seeds) > 6 else "")
    where = " at ".join(part for part in (run.info.target, run.info.level) if part)
    about = f"Levels of {where or 'this history'}, {len(alike)} of {len(seen)} runs." if len(seen) > 1 else ""
    place = standing(alike, one.expected)
    return _Lead(
        rail=rail(place),
        about=f"{about} {off_rail(place)}".strip(),
        seeds=told,
        command=suite_run.command or run.info.command,
        repeats=repeats(run),
    )


def _tally(seen: Seen) -> tuple[tuple[Outcome, int, str], ...]:
    """(outcome, how many, note) of the outcomes that occurred, worst first."""
    rows = []
    for outcome in reversed(Outcome):
        group = [one for _, one in seen if one.outcome == outcome]
        vacuous = sum(one.reason == "vacuous" for one in group)
        if group:
            rows.append((outcome, len(group), f"{vacuous} vacuous" if vacuous else ""))
    return tuple(rows)


def _workload(run: RunResult) -> str:
    return run.info.workload or run.directory or "history"


def _matrix(seen: Seen, shown: set[int]) -> tuple[MatrixRow, ...]:
    rows: dict[tuple[str, str, str], dict[str, list[int]]] = {}
    for at, (run, one) in enumerate(seen):
        target = f"{run.info.target} {run.info.target_version}".strip() or "recorded elsewhere"
        cells = rows.setdefault((target, run.info.level, one.expected), {})
        cells.setdefault(_workload(run), []).append(at)
    columns = list(dict.fromkeys(_workload(run) for run, _ in seen))
    return tuple(
        MatrixRow(*name, tuple(_cell(seen, workload, cells.get(workload, []), shown) for workload in columns))
        for name, cells in rows.items()
    )


def _cell(seen: Seen, workload: str, places: Sequence[int], shown: set[int]) -> Cell:
    places = sorted(places, key=lambda at: -seen[at][1].outcome)
    links = tuple(
        Link(seen[at][1].outcome, _note(*seen[at], len(places)), f"#run-{at + 1}" if at in shown else "")
        for at in places[:_CELL_MAX]
    )
    rest = [seen[at][1].outcome for at in places[_CELL_MAX:]]
    more = ", ".join(f"{rest.count(kind)} more {kind.name}" for kind in reversed(Outcome) if kind in rest)
    return Cell(workload, links, more)


def _note(run: RunResult, one: Overall, seeds: int) -> str:
    """What a cell says below its word."""
    seed = f"seed {run.info.seed}: " if seeds > 1 and not run.info.foreign else ""
    if one.groups:
        names = ", ".join(f"{group.name} ×{group.count}" for group in one.groups[:3])
        more = f" and {len(one.groups) - 3} more" if len(one.groups) > 3 else ""
        return seed + names + more + (", allowed" if all(group.allowed for group in one.groups) else "")
    if one.reason:
        return seed + one.reason
    return f"{seed}{counted(len(run.history), 'txn')}"


def _listed(row: Row, anchors: Anchors, seen: Seen) -> Listed:
    name = (row.group.name, row.group.fingerprint)
    kinds = " ".join(step.kind for step in row.group.first.steps[:12])
    first = row.runs[0] - 1
    where = title(seen[first][0])
    others = len(row.runs) - 1
    more = f" and {others} more run{'s' if others > 1 else ''}" if others else ""
    return Listed(row, tuple(anchors[number - 1][name] for number in row.runs), kinds or "not a cycle", where + more)
