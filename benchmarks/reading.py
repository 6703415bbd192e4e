"""How long it takes from a file to a verdict, against the goals: `make bench`.

Each row is one `anomalist check` in a process of its own, from its start to its end, with the compiled kernels in
their cache. The 102 logs of etcd lie in the folder that ANOMALIST_CONFORMANCE names.

    python -m benchmarks.reading [TXNS]     the large files with so many transactions
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.edn_file import write_list_append
from benchmarks.goals import within
from benchmarks.process import run_anomalist

__all__ = ["Goal", "Row", "etcd_logs", "rows"]

_TXNS = 1_000_000
_SMALL = 200
_MEGABYTE = 1_000_000
_CONFORMANCE = Path(__file__).resolve().parent.parent.parent / "shared" / "conformance"


class Goal(NamedTuple):
    """The most that a command may take, None where nothing is promised."""

    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    megabytes: int | None = None


class Row(NamedTuple):
    """Files or a run directory, judged by one command, with the outcomes that it must come to."""

    name: str
    paths: Sequence[Path]
    outcomes: Sequence[str]
    goal: Goal
    rival: str = ""
    options: tuple[str, ...] = ()


class _Judged(msgspec.Struct):
    outcome: str


class _Answer(msgspec.Struct):
    """What is looked at of `anomalist check --json`."""

    histories: list[_Judged]


def rows(directory: Path, txns: int) -> list[Row]:
    """What is measured; files are made in this directory."""
    small, large, run = directory / "small.edn", directory / "large.edn", directory / "run"
    write_list_append(small, _SMALL)
    write_list_append(large, txns)
    run_anomalist(["check", str(large), "--out", str(run)])
    promised = txns >= _TXNS
    return [
        Row(f"EDN, {_SMALL}", [small], ["pass"], Goal(cpu_seconds=0.5)),
        Row(
            f"EDN, {txns:,}",
            [large],
            ["pass"],
            Goal(wall_seconds=15, megabytes=2_000) if promised else Goal(),
            "Elle 22 s to load, 48 s to check",
        ),
        Row(
            f"run directory, {txns:,}", [run], ["pass"], Goal(wall_seconds=3, megabytes=2_000) if promised else Goal()
        ),
        *etcd_logs(Path(os.environ.get("ANOMALIST_CONFORMANCE") or _CONFORMANCE) / "linearizability"),
    ]


def etcd_logs(folder: Path) -> list[Row]:
    """The row of the recorded logs in this folder, none where it is absent."""
    if not folder.is_dir():
        return []
    expected: dict[str, bool] = msgspec.json.decode((folder / "expected.json").read_bytes())["etcd"]
    return [
        Row(
            f"{len(expected)} etcd logs",
            [folder / name for name in expected],
            ["pass" if right else "fail" for right in expected.values()],
            Goal(cpu_seconds=10),
            options=("--expect", "linearizable"),
        )
    ]


def _measured(row: Row) -> tuple[bool, list[str]]:
    """Whether the goals are reached, and the row's cells."""
    print(f"measuring {row.name}", file=sys.stderr)
    used = run_anomalist(["check", "--json", *row.options, *map(str, row.paths)])
    outcomes = [one.outcome for one in msgspec.json.decode(used.output, type=_Answer).histories]
    assert outcomes == list(row.outcomes), f"{row.name}: {outcomes}"
    files = [file for path in row.paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    wall, wall_goal = within(used.wall_seconds, row.goal.wall_seconds)
    cpu, cpu_goal = within(used.cpu_seconds, row.goal.cpu_seconds)
    peak, peak_goal = within(used.peak_megabytes, row.goal.megabytes)
    cells = [row.name, f"{sum(file.stat().st_size for file in files) / _MEGABYTE:,.1f}"]
    cells += [f"{used.wall_seconds:.2f}", wall_goal, f"{used.cpu_seconds:.2f}", cpu_goal]
    return wall and cpu and peak, [*cells, f"{used.peak_megabytes:.0f}", peak_goal, row.rival]


def _report(console: Console, txns: int) -> bool:
    table = Table(title="from file to verdict: `anomalist check`, from the start of its process to the end")
    for heading in ("history", "MB", "wall s", "goal", "CPU s", "goal", "peak MB", "goal", "rival"):
        table.add_column(heading, justify="left" if heading in {"history", "rival"} else "right")
    reached = True
    with tempfile.TemporaryDirectory() as name:
        chosen = rows(Path(name), txns)
        for row in chosen:
            kept, cells = _measured(row)
            reached &= kept
            table.add_row(*cells)
    console.print(table)
    if not any("etcd" in row.name for row in chosen):
        console.print("The etcd logs are not there: set ANOMALIST_CONFORMANCE to the folder that holds them.")
    return reached


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else _TXNS
    if not _report(Console(width=None if sys.stdout.isatty() else 150), size):
        sys.exit("a goal was missed")
