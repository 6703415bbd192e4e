"""How long it takes from a file to a verdict, against the goals: `python -m benchmarks.reading`.

Wall time and peak memory of `anomalist check` in a process of its own, of a million transactions: as Jepsen's EDN,
and as our own run directory. Elle needs 22 s to load such a file on the JVM, and 48 s to check it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.edn_file import write_list_append

__all__ = ["GOALS", "Measurement", "measure"]

_TXNS = 1_000_000
_MEGABYTE = 1_000_000


class Goal(NamedTuple):
    """Seconds of wall time and megabytes at the most."""

    seconds: float
    megabytes: int


class Measurement(NamedTuple):
    """Wall and CPU seconds of one command, and its largest size."""

    seconds: float
    cpu_seconds: float
    megabytes: float


GOALS: dict[str, Goal] = {"EDN": Goal(15.0, 2_000), "run directory": Goal(3.0, 2_000)}


def measure(*words: str) -> Measurement:
    """Carry out `anomalist WORDS`, which has to end with 0."""
    began = monotonic()
    process = subprocess.Popen([sys.executable, "-m", "anomalist", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"anomalist {' '.join(words)} ended with {process.returncode}")
    return Measurement(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / _MEGABYTE)


def _report(console: Console, txns: int) -> bool:
    table = Table(title=f"from file to verdict, {txns:,} transactions")
    for heading in ("file", "megabytes", "wall s", "goal", "CPU s", "peak MB", "goal MB"):
        table.add_column(heading, justify="left" if heading == "file" else "right")
    reached = True
    with tempfile.TemporaryDirectory() as name:
        edn, run = Path(name) / "history.edn", Path(name) / "run"
        write_list_append(edn, txns)
        measure("check", str(edn), "--out", str(run))  # The compiled kernels are in their cache afterwards.
        for what, path in (("EDN", edn), ("run directory", run)):
            found, goal = measure("check", str(path)), GOALS[what]
            size = sum(one.stat().st_size for one in ([path] if path.is_file() else path.rglob("*")) if one.is_file())
            reached &= txns < _TXNS or (found.seconds <= goal.seconds and found.megabytes <= goal.megabytes)
            table.add_row(
                what,
                f"{size / _MEGABYTE:.0f}",
                f"{found.seconds:.1f}",
                f"≤ {goal.seconds:g}",
                f"{found.cpu_seconds:.1f}",
                f"{found.megabytes:.0f}",
                f"≤ {goal.megabytes}",
            )
    console.print(table)
    return reached


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else _TXNS
    if not _report(Console(width=None if sys.stdout.isatty() else 120), size):
        sys.exit("a goal was missed")
