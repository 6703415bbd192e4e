"""What the tests of the front door share: a finished command, commands in processes of their own, small histories."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "EMPTY_ENVIRONMENT",
    "ROOT",
    "WRITE_SKEW",
    "Finished",
    "child",
    "environment",
    "history_files",
    "one_sentence",
    "started",
]

ROOT = Path(__file__).resolve().parent.parent.parent
EMPTY_ENVIRONMENT = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TTY_COMPATIBLE")

# T0 and T1 overlap and each misses what the other appended; T2 sees both. Its G2-item is the only anomaly.
WRITE_SKEW = """\
{:type :invoke, :process 0, :f :txn, :value [[:append :x 1] [:r :y nil]]}
{:type :invoke, :process 1, :f :txn, :value [[:append :y 1] [:r :x nil]]}
{:type :ok, :process 0, :f :txn, :value [[:append :x 1] [:r :y []]]}
{:type :ok, :process 1, :f :txn, :value [[:append :y 1] [:r :x []]]}
{:type :invoke, :process 0, :f :txn, :value [[:r :x nil] [:r :y nil]]}
{:type :ok, :process 0, :f :txn, :value [[:r :x [1]] [:r :y [1]]]}
"""


class Finished(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


def environment(**changes: str) -> dict[str, str]:
    """The environment of a command: this one without wishes for colour, and with the project importable."""
    kept = {name: value for name, value in os.environ.items() if name not in EMPTY_ENVIRONMENT}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"} | changes


def child(
    *words: object, cwd: Path, changes: Mapping[str, str] | None = None, file_size_bytes_max: int | None = None
) -> Finished:
    """`python -m anomalist` in a process of its own, to its end; it may be held to small files."""
    command = [sys.executable, "-m", "anomalist"]
    if file_size_bytes_max is not None:
        limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({file_size_bytes_max}, {file_size_bytes_max}))"
        source = f"import resource, sys; {limit}; from anomalist.__main__ import main; main()"
        command = [sys.executable, "-c", source]
    done = subprocess.run(
        [*command, *map(str, words)],
        cwd=cwd,
        env=environment(**(changes or {})),
        capture_output=True,
        encoding=(changes or {}).get("PYTHONIOENCODING", "utf-8"),
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Finished(done.returncode, done.stdout, done.stderr)


def started(*words: object, cwd: Path) -> subprocess.Popen[str]:
    """`python -m anomalist` in a process of its own that is still running, the first of its group."""
    return subprocess.Popen(
        [sys.executable, "-m", "anomalist", *map(str, words)],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def one_sentence(finished: Finished) -> str:
    """The single sentence that a refused command says, without the program's name; nothing else is printed."""
    assert finished.out == ""
    lines = finished.err.splitlines()
    assert len(lines) == 1, finished.err
    assert lines[0].startswith("anomalist: ")
    assert lines[0].endswith(".")
    return lines[0].removeprefix("anomalist: ")


def history_files(directory: Path) -> dict[str, bytes]:
    """All sealed columns below a run directory, by path."""
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.glob("runs/*/history/*"))
    }
