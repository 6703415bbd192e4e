"""What a process takes: its size as the system counts it, and one `anomalist` command measured whole. Linux only.

python -m benchmarks.process WORDS     `anomalist WORDS`, and the process's largest size as the last line
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import NamedTuple

__all__ = ["Usage", "installed", "megabytes", "run_anomalist"]


class Usage(NamedTuple):
    """Seconds of wall and CPU time of one process, its largest size, its exit code, and what it printed."""

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float
    exit_code: int
    output: bytes


def megabytes(field: str = "VmHWM") -> float:
    """The largest size of this process so far ("VmHWM"), or its present one ("VmRSS")."""
    # Not getrusage: its maximum begins with the size of the process that started this one.
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, f"this system does not say {field}"
    return int(found[1]) * 1024 / 1_000_000


def installed(**more: str) -> dict[str, str]:
    """The environment of a process as after an installation: with bytecode, which may be told not to be written."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more


def run_anomalist(words: Sequence[str]) -> Usage:
    """Carry out `anomalist WORDS` in a process of its own, from its start to its end."""
    began = monotonic()
    command = [sys.executable, "-m", "benchmarks.process", *words]
    process = subprocess.Popen(command, env=installed(), stdout=subprocess.PIPE)
    assert process.stdout
    with process.stdout as told:
        output, _, peak = told.read().rstrip().rpartition(b"\n")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = monotonic() - began
    return Usage(seconds, usage.ru_utime + usage.ru_stime, float(peak), process.returncode, output)


if __name__ == "__main__":
    from anomalist.__main__ import main

    try:
        main()
    finally:
        print(f"\n{megabytes()}")
