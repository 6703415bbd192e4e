"""How long judging takes and how much memory it needs, against the goals: `make bench`.

A history is made and sealed by one process; each measurement is another that loads the columns and judges them.
CPU seconds, not wall time: the machine may be shared. "cold" begins with an empty cache of compiled kernels; "µs
each", the warm seconds by the transactions, tells how they grow. A row of `benchmarks.rows` is one measurement.

    python -m benchmarks.checking [ROW ...]     only the rows of these names
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.goals import within
from benchmarks.histories import Planted
from benchmarks.process import installed, megabytes
from benchmarks.rows import CHECKERS, ROWS, Row
from harness.store import load_history, save_history

__all__ = ["Measurement", "assert_found", "held", "make", "measure"]


class Measurement(msgspec.Struct):
    """CPU seconds of loading and of judging, the process's largest size, and what was found.

    `anomalies` are (name, how often, rows of the witness), `doubts` the sentences about what was not decided.
    """

    txns: int
    load_seconds: float
    judge_seconds: float
    peak_megabytes: float
    anomalies: list[tuple[str, int, list[int]]]
    doubts: list[str]


def make(row: Row, directory: Path) -> Sequence[Planted]:
    """Seal the row's history in this directory, and say what was planted in it."""
    history, planted = row.make()
    save_history(history, directory)
    return planted


def measure(row: Row, directory: Path) -> Measurement:
    """Load and judge one sealed history in this process."""
    began = process_time()
    history = load_history(directory)
    loaded = process_time()
    findings = CHECKERS[row.checker](history)
    judged = process_time()
    anomalies = [(one.name, one.count, list(one.txns)) for one in findings.anomalies]
    doubts = [doubt.sentence for doubt in findings.doubts]
    return Measurement(len(history), loaded - began, judged - loaded, megabytes(), anomalies, doubts)


def _apart(verb: str, row: Row, directory: Path) -> bytes:
    """What `make` or `measure` gives, in a process of its own, as JSON."""
    environment = installed(NUMBA_CACHE_DIR=str(directory / "cache"))
    command = [sys.executable, "-m", "benchmarks.checking", f"--{verb}", row.name, str(directory)]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout


def assert_found(row: Row, found: Measurement, planted: Sequence[Planted]) -> None:
    """What was planted, as often as it was, and nothing that does not belong to it; each witness one of those."""
    counts = {name: count for name, count, _ in found.anomalies}
    assert set(counts) <= set(row.names), f"{row.name}: accused of {sorted(set(counts) - set(row.names))}"
    for name in {one.name for one in planted}:
        places = [set(one.rows) for one in planted if one.name == name]
        assert counts.get(name) == len(places), f"{row.name}: {name} found {counts.get(name)} times of {len(places)}"
        for found_name, _, rows in found.anomalies:
            inside = any(set(rows) <= place for place in places)
            assert found_name != name or inside, f"{row.name}: {name} shown by {rows}, which is not where it is"


def _measured(row: Row) -> tuple[bool, list[str]]:
    """The row sealed, judged with an empty cache and with a full one, and held against its goals."""
    print(f"measuring {row.name}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        planted = msgspec.json.decode(_apart("make", row, Path(name)), type=list[Planted])
        answers = [_apart("measure", row, Path(name)) for _ in range(2)]
    cold, warm = (msgspec.json.decode(answer, type=Measurement) for answer in answers)
    assert_found(row, warm, planted)
    return held(row, cold, warm)


def held(row: Row, cold: Measurement, warm: Measurement) -> tuple[bool, list[str]]:
    """Whether the goals are reached, and the row's cells. What was not decided has missed its goal."""
    quick, seconds_goal = within(warm.judge_seconds, row.goal.seconds)
    small, megabytes_goal = within(warm.peak_megabytes, row.goal.megabytes)
    found = f"[red]{len(warm.doubts)} open[/]" if warm.doubts else str(sum(count for _, count, _ in warm.anomalies))
    cells = [row.name, f"{warm.load_seconds:.2f}", f"{warm.judge_seconds:.2f}", seconds_goal]
    cells += [f"{warm.judge_seconds / warm.txns * 1e6:.2f}", f"{cold.judge_seconds:.2f}"]
    cells += [f"{warm.peak_megabytes:.0f}", megabytes_goal, found, row.rival]
    return quick and small and not warm.doubts, cells


def _report(console: Console, rows: Sequence[Row]) -> bool:
    table = Table(title="judging, CPU seconds in a fresh process with the compiler's start")
    for heading in ("history", "load", "warm", "goal", "µs each", "cold", "peak MB", "goal", "found", "rival"):
        table.add_column(heading, justify="left" if heading in {"history", "rival"} else "right")
    measured = [_measured(row) for row in rows]
    for _, cells in measured:
        table.add_row(*cells)
    console.print(table)
    return all(reached for reached, _ in measured)


def _main(words: Sequence[str]) -> None:
    if words[:1] in (["--make"], ["--measure"]):
        (row,) = [row for row in ROWS if row.name == words[1]]
        work = make if words[0] == "--make" else measure
        sys.stdout.buffer.write(msgspec.json.encode(work(row, Path(words[2]))))
        return
    rows = [row for row in ROWS if not words or row.name in words]
    if not rows:
        sys.exit(f"no such row; there are: {'; '.join(row.name for row in ROWS)}")
    if not _report(Console(width=None if sys.stdout.isatty() else 150), rows):
        sys.exit("a goal was missed")


if __name__ == "__main__":
    _main(sys.argv[1:])
