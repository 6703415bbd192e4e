"""What `probe` prints: the matrix of anomalies and levels, and each broken promise with its interleaving.

The sessions of an interleaving stand side by side and time runs down, as on paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.history import Op
from harness.interleaving import Moment, Performance
from harness.matrix import Cell, Matrix, Trial
from harness.verdict import Outcome
from reports.values import counted, show, show_op, visible

__all__ = ["matrix_summary"]

_STYLE = {Outcome.PASS: "bold green", Outcome.UNKNOWN: "bold yellow", Outcome.FAIL: "bold red"}
_WITNESSES_MAX = 6
_STEPS_MAX = 20
_OP_LENGTH_MAX = 100
_BARE = {"begin", "commit", "abort"}


def matrix_summary(matrix: Matrix) -> RenderableType:
    """What a rich console prints for a probe."""
    parts: list[RenderableType] = [_headline(matrix), _subject(matrix), _Cells(matrix), _legend(matrix)]
    parts += _mishaps(matrix)
    parts += _witnesses(matrix)
    closing = Text("\n", no_wrap=True, overflow="ignore")
    closing.append("repeat  ", style="dim")
    parts.append(closing.append(visible(matrix.command)))
    return Group(*parts)


def _headline(matrix: Matrix) -> Text:
    target = f"{matrix.target} {matrix.version}".strip()
    broken = [level for level in matrix.levels if matrix.outcome_of(level).outcome is Outcome.FAIL]
    statement = {
        Outcome.PASS: "keeps what it promises",
        Outcome.FAIL: f"breaks its promise at {', '.join(broken)}",
        Outcome.UNKNOWN: "may or may not keep what it promises",
    }[matrix.outcome]
    line = Text()
    line.append(matrix.outcome.name, style=_STYLE[matrix.outcome])
    return line.append(visible(f"  {target} {statement}"))


def _subject(matrix: Matrix) -> Text:
    """How much was tried, and what is promised."""
    ran = len({trial.performance.interleaving.name for trial in matrix.trials})
    amount = (
        f"{counted(ran, 'script')}, {counted(len(matrix.trials), 'order')} of their steps, {matrix.seconds:.1f} s"
    )
    promises = (f"{level} promises {promise}" for level, promise in matrix.levels.items())
    return Text(visible(f"{amount}; {', '.join(promises)}") + "\n", style="dim")


class _Cells:
    """The table. Where there is room, each anomaly also has the name that people call it by."""

    def __init__(self, matrix: Matrix) -> None:
        self._matrix = matrix

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide, narrow = self._table(called=True), self._table(called=False)
        room = console.measure(wide, options=options.update(max_width=1_000)).maximum <= options.max_width
        yield wide if room else narrow

    def _table(self, *, called: bool) -> Table:
        matrix = self._matrix
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for name in ("anomaly", "called", *matrix.levels) if called else ("anomaly", *matrix.levels):
            table.add_column(visible(name, 60), overflow="fold")
        for anomaly, name in matrix.anomalies.items():
            cells = (_cell(matrix.of_anomaly(anomaly, level)) for level in matrix.levels)
            names = [Text(anomaly), Text(name, style="dim")] if called else [Text(anomaly)]
            table.add_row(*names, *cells)
        return table


def _cell(cell: Cell) -> Text:
    if cell.lacking:
        return Text(visible(f"no {', '.join(cell.lacking)}"), style="dim")
    if not cell.trials:
        return Text("not run", style="dim")
    text = f"{len(cell.seen)} of {len(cell.trials)}" if cell.seen else "not seen"
    if cell.broken:
        other = "" if cell.seen else f" but {cell.broken[0].breaking[0].name}"
        return Text(visible(f"{text}{other} BROKEN"), style="bold red")
    if cell.seen:
        return Text(text, style="yellow")
    return Text(", ".join(cell.prevented_by) or "not seen", style="green")


def _legend(matrix: Matrix) -> Text:
    lines = ["k of n: in k of n orders, what was read shows the anomaly or a worse one"]
    if any(trial.broken for trial in matrix.trials):
        lines.append("BROKEN: the level's promise forbids what was read")
    lines.append("refused, waits: in no order; somebody was refused or had to wait")
    return Text("\n" + "\n".join(lines), style="dim")


def _mishaps(matrix: Matrix) -> Iterator[RenderableType]:
    for level in matrix.levels:
        found = matrix.outcome_of(level)
        if found.outcome is Outcome.UNKNOWN:
            yield Text(visible(f"{level}: {found.reason}: {found.sentence}"), style="yellow")
    if matrix.interrupted:
        yield Text("interrupted: the orders that are missing here were not performed", style="yellow")
    elif matrix.trouble:
        yield Text(visible(matrix.trouble), style="yellow")


def _witnesses(matrix: Matrix) -> Iterator[RenderableType]:
    """For each script and level with a broken promise its first such order. What is not shown is counted."""
    cells = (matrix.of_interleaving(one, level) for level in matrix.levels for one in matrix.interleavings)
    broken = [cell for cell in cells if cell.broken]
    for cell in broken[:_WITNESSES_MAX]:
        yield _witness(cell, matrix.levels[cell.level])
    if len(broken) > _WITNESSES_MAX:
        yield Text(f"\n… and in {counted(len(broken) - _WITNESSES_MAX, 'more script')}: --json has them all")


def _witness(cell: Cell, promise: str) -> RenderableType:
    trial = cell.broken[0]
    interleaving = trial.performance.interleaving
    title = Text("\n")
    title.append(visible(interleaving.name), style="bold red")
    title.append(visible(f" at {cell.level}: {len(cell.broken)} of {len(cell.trials)} orders break {promise}"))
    story = Text(visible(interleaving.story), style="dim")
    lines: list[Text | Table] = [story, _lanes(trial.performance), *_proof(trial)]
    return Group(title, *(Padding(line, (0, 0, 0, 2), expand=False) for line in lines))


def _lanes(performance: Performance) -> Table:
    """One column for each session, one line for each step that came back or waited."""
    sessions = list(performance.interleaving.sessions)
    lanes = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for session in sessions:
        lanes.add_column(visible(session, 24), overflow="fold", min_width=8)
    for moment in performance.moments:
        lanes.add_row(*(_moment(moment) if moment.session == session else Text() for session in sessions))
    return lanes


def _moment(moment: Moment) -> Text:
    text = Text("\n".join(_op(op) for op in moment.ops))
    if moment.outcome == "waits":
        return Text(f"{visible(moment.step, 24)} waits", style="yellow")
    if moment.outcome in {"refused", "failed"}:
        said = f"{moment.outcome}: {moment.error}" if moment.error else moment.outcome
        text.append(("\n" if moment.ops else "") + visible(said, 80), style="yellow")
    return text


def _op(op: Op) -> str:
    return op.kind if op.kind in _BARE else show_op(op, _OP_LENGTH_MAX)


def _proof(trial: Trial) -> Iterator[Text]:
    """What is stored in the end, and every anomaly that refutes the promise."""
    if trial.performance.final:
        yield Text(visible(f"in the end {_stored(trial.performance.final)}"))
    for anomaly in trial.breaking:
        yield Text(visible(anomaly.name), style="bold").append(visible(f": {anomaly.sentence}"), style="not bold")
        for number, step in enumerate(anomaly.steps[:_STEPS_MAX], 1):
            yield Text(visible(f"  {number}. {step.sentence}"))


def _stored(final: Mapping[str, object]) -> str:
    return ", ".join(f"{show(key, 24)} = {show(value, 24)}" for key, value in final.items())
