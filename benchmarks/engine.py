"""How fast the engine is, beside lmdb, sqlite3 and sochdb in the same process, against the goals: `make bench`.

The stores take turns, each time in a new directory. What computes is measured in CPU seconds of the process, what
waits for the disk by wall time beside raw fdatasyncs in the same place: a shared machine, and a disk whose rate moves
30-fold, spoil every other comparison. See `benchmarks.goals` for what counts as missed.

    python -m benchmarks.engine [ROW]... [--rounds N] [--place DIRECTORY] [--json]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks import work
from benchmarks.goals import Goal, Judged, Line, judge
from benchmarks.memory import measure_apart
from benchmarks.stores import STORES, versions
from benchmarks.work import Sample, Sizes, Work

__all__ = ["MEMORY", "ROWS", "Report", "measure"]


class Row(NamedTuple):
    """One kind of work. `what` may name sizes; `columns` take turns, `rounds` times if nobody says otherwise."""

    name: str
    what: str
    work: Work
    goals: tuple[Goal, ...]
    unit: str = "ms"
    columns: tuple[str, ...] = tuple(STORES)
    rounds: int = 5


_DISK = ("engine", "fsync")

ROWS = (
    Row("put", "{puts:,} puts, one batch", work.put_shuffled, (Goal(1, "sochdb"), Goal(2, "lmdb"))),
    Row("get-together", "{puts:,} gets, one transaction", work.get_together, (Goal(1, "lmdb"),)),
    Row("get-alone", "{gets_alone:,} gets, autocommit", work.get_alone, (Goal(1, "lmdb"),)),
    Row("scan", "scan of {puts:,}", work.scan, (Goal(0.3, "sochdb"),)),
    Row("batch", "{batch:,} puts in order, one batch", work.put_ordered, (Goal(1, "sochdb"),)),
    Row("batches", "{puts:,} puts in order, 100 batches", work.put_in_batches, (Goal(1, "sochdb"),)),
    Row(
        "vectors",
        "{vectors:,} × {dimension} vectors, {queries} searches",
        work.search_vectors,
        (Goal(1, "sochdb"),),
        columns=("engine", "sochdb"),
    ),
    Row("move", "{moves:,} two-key read-modify-writes", work.move, (Goal(1.5, "lmdb"),)),
    Row("large", "{value_bytes:,} B value round trip", work.large_value, (Goal(1, "lmdb"), Goal(1, "sochdb"))),
    Row("count", "{threads} threads, one counter, durable", work.count_durably, (Goal(8, "lmdb", True),), "/s"),
    Row("commit-1", "durable puts, 1 thread", work.commit_alone, (Goal(0.8, "fsync", True),), "/s", _DISK, 20),
    Row(
        "commit-n",
        "durable puts, {threads} threads",
        work.commit_together,
        (Goal(6, "fsync", True),),
        "/s",
        _DISK,
        20,
    ),
    Row("recover", "recovery, per 100,000 commits", work.recover, (Goal(250),), "ms", ("engine",), 5),
)

# Beyond half time the process may grow by what an allocator takes and gives back; nothing may be left over.
MEMORY_GOALS = {
    "peak_megabytes": ("peak", "MB", Goal(200)),
    "growth_megabytes": ("growth in the second half", "MB", Goal(2)),
    "left_over": ("versions and stamps left over", "", Goal(0)),
}
MEMORY = {"memory": "{memory_commits:,} commits", "memory-held": "{memory_commits:,} commits, old snapshot held"}


class Report(msgspec.Struct):
    """Everything measured; `stores` says each one's version, None where it is not installed."""

    schema_version: int
    stores: dict[str, str | None]
    lines: list[Line]
    reached: bool


def measure(names: tuple[str, ...], sizes: Sizes, rounds: int | None, place: Path, console: Console) -> Report:
    """Measure the named rows, all where none is named."""
    stores = versions()
    for missing in [name for name, version in stores.items() if version is None]:
        console.print(f"{missing} is not installed: pip install 'anomalist\\[bench]'")
    lines: list[Line] = []
    # One line each instead of something that moves: its thread would count as the stores' CPU time.
    for row in [row for row in ROWS if not names or row.name in names]:
        console.print(f"measuring {row.name}")
        columns = [column for column in row.columns if stores.get(column, "") is not None]
        lines.append(_compared(row, columns, sizes, rounds or row.rounds, place))
    for name in [name for name in MEMORY if not names or name in names]:
        console.print(f"measuring {name}")
        lines += _grown(name, sizes, place)
    return Report(1, stores, lines, not any(line.missed() for line in lines))


def _compared(row: Row, columns: list[str], sizes: Sizes, rounds: int, place: Path) -> Line:
    samples: dict[str, list[float]] = {column: [] for column in columns}
    wrong: dict[str, int] = {}
    for _ in range(rounds):
        for column in columns:
            value, correct = _sampled(row, column, sizes, place)
            samples[column].append(value)
            if not correct:
                wrong[column] = wrong.get(column, 0) + 1
    what = row.what.format(**sizes._asdict())
    return Line(row.name, what, row.unit, samples, wrong, [judge(goal, samples) for goal in row.goals])


def _sampled(row: Row, column: str, sizes: Sizes, place: Path) -> Sample:
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=place) as name:
        if column == "fsync":
            return work.sync_raw(Path(name), sizes)
        return row.work(STORES[column], Path(name), sizes)


def _grown(name: str, sizes: Sizes, place: Path) -> Iterator[Line]:
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=place) as directory:
        growth = measure_apart(sizes.memory_commits, name == "memory-held", Path(directory))
    for field, (label, unit, goal) in MEMORY_GOALS.items():
        samples = {"engine": [float(getattr(growth, field))]}
        what = f"{MEMORY[name].format(**sizes._asdict())}: {label}"
        yield Line(name, what, unit, samples, {}, [judge(goal, samples)])


def _table(report: Report) -> Table:
    columns = [*STORES, "fsync"]
    table = Table(title="the engine and its peers: medians of alternating rounds; ms are CPU time of the process")
    for heading in ("row", "work", *columns, "goal", "median (range)", ""):
        table.add_column(heading, justify="right" if heading in columns else "left")
    for line in report.lines:
        cells = [_cell(line, column) for column in columns]
        goals = ["\n".join(part(one) for one in line.goals) for part in (_goal, _ratio, _state)]
        table.add_row(line.row, line.what, *cells, *goals)
    return table


def _cell(line: Line, column: str) -> str:
    if column not in line.samples:
        return "–"
    value = median(line.samples[column])
    figure = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{figure} {line.unit}" + (" [red]wrong[/]" if column in line.wrong else "")


def _goal(judged: Judged) -> str:
    bound, against, at_least = judged.goal
    return f"{'≥' if at_least else '≤'} {bound:g}" + (f" × {against}" if against else "")


def _ratio(judged: Judged) -> str:
    if judged.median is None:
        return "–"
    return f"{judged.median:.2f} ({judged.low:.2f}–{judged.high:.2f})"


def _state(judged: Judged) -> str:
    colours = {"reached": "green", "close": "yellow", "missed": "red", "not measured": "yellow"}
    return f"[{colours[judged.state]}]{judged.state}[/]"


@click.command()
@click.argument("rows", nargs=-1, type=click.Choice([*(row.name for row in ROWS), *MEMORY]))
@click.option("--rounds", type=click.IntRange(min=1), help="How often each store has its turn; by default 5 to 20.")
@click.option(
    "--place",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="Where the databases are made and removed; it should be a real disk.  [default: here]",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything measured as one JSON document.")
def main(rows: tuple[str, ...], rounds: int | None, place: Path, as_json: bool) -> None:
    """Measure the engine beside its peers; exit code 1 where a goal is missed by more than noise."""
    report = measure(rows, Sizes(), rounds, place, Console(stderr=True))
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        Console(width=None if sys.stdout.isatty() else 180).print(_table(report))
    if not report.reached:
        sys.exit("a goal was missed")


if __name__ == "__main__":
    main()
