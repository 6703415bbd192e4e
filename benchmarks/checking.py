"""How long judging takes and how much memory it needs, against the goals: `make bench`.

Histories are made and sealed first; each measurement is a process of its own that loads the columns and judges them.
CPU seconds, not wall time: the machine may be shared. "cold" begins with an empty cache of compiled kernels. A row
of `ROWS` is one measurement; another checker's rows are further literals.

    python -m benchmarks.checking [ROW ...]     only the rows of these names
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import process_time
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.histories import Planted, list_append_history, plant, ring_history, stale_history, stale_read_history
from benchmarks.weak_levels import LEVELS, weak_findings, weak_history
from checkers.list_append import check_list_append
from harness.history import History
from harness.store import load_history, save_history
from harness.verdict import Findings

__all__ = ["ROWS", "Goal", "Measurement", "Row", "measure"]

_MEGABYTE = 1_000_000

Made = tuple[History, Sequence[Planted]]


class Goal(NamedTuple):
    """The most that judging may take (columns loaded, warm cache), None where nothing is promised."""

    seconds: float | None = None
    megabytes: int | None = None


class Row(NamedTuple):
    """One measurement: a history with what was planted in it, judged by a checker of `CHECKERS`.

    `names` are all anomalies that may be found; what was planted must be. `rival` is what another tool takes.
    """

    name: str
    make: Callable[[], Made]
    checker: str
    goal: Goal = Goal()
    rival: str = ""
    names: tuple[str, ...] = ()


CHECKERS: dict[str, Callable[[History], Findings]] = {
    "list-append": check_list_append,
    **{level: partial(weak_findings, level=level) for level in LEVELS},
}

_PLANTED = (
    "G0",
    "G1c",
    "G-single-item",
    "G-nonadjacent-item",
    "G2-item",
    "G-single-item-realtime",
    # Two lists in opposite orders show more than one thing, and a stale read misses an acknowledged append.
    "lost-append",
)


def _planted(txns: int, count: int) -> Made:
    return plant(list_append_history(txns), count)


ROWS: tuple[Row, ...] = (
    Row("200", lambda: (list_append_history(200), ()), "list-append", Goal(0.2)),
    Row("10,000", lambda: (list_append_history(10_000), ()), "list-append"),
    Row(
        "100,000",
        lambda: (list_append_history(100_000), ()),
        "list-append",
        Goal(1.0),
        "Elle 15 s (8.8 warm), 1.8 GB",
    ),
    Row(
        "1,000,000",
        lambda: (list_append_history(1_000_000), ()),
        "list-append",
        Goal(1.0, 1_000),
        "Elle 89.6 s, 10.8 GB",
    ),
    Row("10,000,000", lambda: (list_append_history(10_000_000), ()), "list-append", Goal(12.0, 6_000)),
    Row("1,000,000, 1 anomaly", lambda: _planted(1_000_000, 1), "list-append", Goal(4.0), names=_PLANTED),
    Row("1,000,000, 10 anomalies", lambda: _planted(1_000_000, 10), "list-append", Goal(4.0), names=_PLANTED),
    Row("1,000,000, 100 anomalies", lambda: _planted(1_000_000, 100), "list-append", Goal(4.0), names=_PLANTED),
    Row(
        "100,000 in one component",
        lambda: (stale_history(100_000), ()),
        "list-append",
        names=("G1b", "G-single-item"),
    ),
    Row("100,000 in one cycle", lambda: (ring_history(100_000), ()), "list-append", names=("G-nonadjacent-item",)),
    Row(
        "100,000 tied by real time",
        lambda: (stale_read_history(100_000), ()),
        "list-append",
        names=("G-single-item-realtime", "lost-append"),
    ),
    *(
        Row(f"weak, {level}, {txns:,}", lambda txns=txns: (weak_history(txns), ()), level, goal, rival)
        for txns, level, goal, rival in (
            (100_000, "monotonic-atomic-view", Goal(), "AWDIT 0.50 s, 64 MB (RC)"),
            (100_000, "read-atomic", Goal(), "AWDIT 0.64 s, 120 MB"),
            (100_000, "causal-cerone", Goal(), "AWDIT 2.77 s, 692 MB"),
            (1_000_000, "read-committed", Goal(5.0, 4_000), ""),
            (1_000_000, "monotonic-atomic-view", Goal(5.0, 4_000), "AWDIT 6.9 s, 714 MB (RC)"),
            (1_000_000, "read-atomic", Goal(8.0, 4_000), "AWDIT: stack overflow"),
            (1_000_000, "causal-cerone", Goal(30.0, 4_000), "AWDIT: stack overflow"),
        )
    ),
)


class Measurement(msgspec.Struct):
    """CPU seconds of loading and of judging, the process's largest size, and what was found.

    `anomalies` are (name, how often, rows of the witness).
    """

    load_seconds: float
    judge_seconds: float
    peak_megabytes: float
    edges: int
    anomalies: list[tuple[str, int, list[int]]]


def measure(directory: Path, checker: str) -> Measurement:
    """Load and judge one sealed history in this process."""
    began = process_time()
    history = load_history(directory)
    loaded = process_time()
    findings = CHECKERS[checker](history)
    judged = process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MEGABYTE
    anomalies = [(one.name, one.count, list(one.txns)) for one in findings.anomalies]
    return Measurement(loaded - began, judged - loaded, peak, int(findings.stats.get("edges", 0)), anomalies)


def _in_a_process(directory: Path, checker: str, cache: Path) -> Measurement:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "benchmarks.checking", "--measure", str(directory), checker]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Measurement)


def _assert_found(row: Row, found: Measurement, planted: Sequence[Planted]) -> None:
    """What was planted, as often as it was, and nothing that does not belong to it; each witness one of those."""
    counts = {name: count for name, count, _ in found.anomalies}
    assert set(counts) <= set(row.names), f"{row.name}: accused of {sorted(set(counts) - set(row.names))}"
    for name in {one.name for one in planted}:
        places = [set(one.rows) for one in planted if one.name == name]
        assert counts.get(name) == len(places), f"{row.name}: {name} found {counts.get(name)} times of {len(places)}"
        for found_name, _, rows in found.anomalies:
            inside = any(set(rows) <= place for place in places)
            assert found_name != name or inside, f"{row.name}: {name} shown by {rows}, which is not where it is"


def _report(console: Console, rows: Sequence[Row]) -> bool:
    table = Table(title="judging, CPU seconds in a fresh process with the compiler's start")
    for heading in ("transactions", "edges", "load", "warm", "goal", "cold", "peak MB", "goal MB", "found", "rival"):
        table.add_column(heading, justify="left" if heading in {"transactions", "rival"} else "right")
    reached = True
    for row in rows:
        with tempfile.TemporaryDirectory() as name:
            history, planted = row.make()
            save_history(history, Path(name))
            del history
            cold, warm = (_in_a_process(Path(name), row.checker, Path(name) / "cache") for _ in range(2))
        _assert_found(row, warm, planted)
        reached &= row.goal.seconds is None or warm.judge_seconds <= row.goal.seconds
        reached &= row.goal.megabytes is None or warm.peak_megabytes <= row.goal.megabytes
        table.add_row(
            row.name,
            f"{warm.edges:,}",
            f"{warm.load_seconds:.2f}",
            f"{warm.judge_seconds:.2f}",
            "" if row.goal.seconds is None else f"<= {row.goal.seconds:g}",
            f"{cold.judge_seconds:.2f}",
            f"{warm.peak_megabytes:.0f}",
            "" if row.goal.megabytes is None else f"<= {row.goal.megabytes}",
            str(sum(count for _, count, _ in warm.anomalies)),
            row.rival,
        )
    console.print(table)
    return reached


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        sys.stdout.buffer.write(msgspec.json.encode(measure(Path(sys.argv[2]), sys.argv[3])))
    else:
        chosen = [row for row in ROWS if not sys.argv[1:] or row.name in sys.argv[1:]]
        if not _report(Console(width=None if sys.stdout.isatty() else 150), chosen):
            sys.exit("a goal was missed")
