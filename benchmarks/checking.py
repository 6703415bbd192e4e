"""How long judging takes and how much memory it needs, against the goals: `make bench`.

Histories are made and sealed first; each measurement is a process of its own that loads the columns and judges them.
CPU seconds, not wall time: the machine may be shared. "cold" begins with an empty cache of compiled kernels.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.histories import list_append_history
from checkers.list_append import check_list_append
from harness.store import load_history, save_history

__all__ = ["GOALS", "Measurement", "measure"]

_MEGABYTE = 1_000_000


class Goal(NamedTuple):
    """What judging (columns loaded, warm cache) may take, and what Elle takes on the JVM as measured once."""

    seconds: float | None
    megabytes: int | None
    elle: str


GOALS: dict[int, Goal] = {
    10_000: Goal(None, None, "not measured"),
    100_000: Goal(1.0, None, "15 s (8.8 warm), 1.8 GB"),
    1_000_000: Goal(3.0, 1_500, "89.6 s, 10.8 GB"),
}


class Measurement(msgspec.Struct):
    """CPU seconds of loading and of judging, the process's largest size, and whether anything was found."""

    load_seconds: float
    judge_seconds: float
    peak_megabytes: float
    anomalies: int
    edges: int


def measure(directory: Path) -> Measurement:
    """Load and judge one sealed history in this process."""
    began = process_time()
    history = load_history(directory)
    loaded = process_time()
    findings = check_list_append(history)
    judged = process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MEGABYTE
    return Measurement(loaded - began, judged - loaded, peak, len(findings.anomalies), int(findings.stats["edges"]))


def _in_a_process(directory: Path, cache: Path) -> Measurement:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "benchmarks.checking", str(directory)]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    return msgspec.json.decode(done.stdout, type=Measurement)


def _report(console: Console) -> bool:
    table = Table(title="judging list-append histories as strict-serializable, CPU seconds")
    for heading in ("transactions", "edges", "load", "warm", "goal", "cold", "peak MB", "goal MB", "Elle"):
        table.add_column(heading, justify="left" if heading == "Elle" else "right")
    reached = True
    for txns, goal in GOALS.items():
        with tempfile.TemporaryDirectory() as name:
            save_history(list_append_history(txns), Path(name))
            cold, warm = (_in_a_process(Path(name), Path(name) / "cache") for _ in range(2))
        reached &= goal.seconds is None or warm.judge_seconds < goal.seconds
        reached &= goal.megabytes is None or warm.peak_megabytes < goal.megabytes
        table.add_row(
            f"{txns:,}",
            f"{warm.edges:,}",
            f"{warm.load_seconds:.2f}",
            f"{warm.judge_seconds:.2f}",
            "" if goal.seconds is None else f"< {goal.seconds:g}",
            f"{cold.judge_seconds:.2f}",
            f"{warm.peak_megabytes:.0f}",
            "" if goal.megabytes is None else f"< {goal.megabytes}",
            goal.elle,
        )
        assert warm.anomalies == 0, "a correct history was accused"
    console.print(table)
    return reached


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.buffer.write(msgspec.json.encode(measure(Path(sys.argv[1]))))
    elif not _report(Console(width=None if sys.stdout.isatty() else 120)):
        sys.exit("a goal was missed")
