"""`doctor`: what works on this machine, and what would make the rest work."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from anomalist.environment import environment_rows, installed_version
from anomalist.exits import Exit
from anomalist.verbs import terminal
from harness.target import TargetUnavailable
from harness.targets import TARGETS, load_target
from harness.trouble import described
from reports.document import encode

__all__ = ["doctor_verb"]

_SPACE_NEEDED_BYTES = 200_000_000


class Finding(NamedTuple):
    """One line: what was looked at, whether it works, and the detail or the remedy."""

    name: str
    works: bool
    detail: str


def doctor_verb(*, as_json: bool, color: str) -> int:
    """`anomalist doctor`. Exit 4 where the embedded target or the place for runs does not work."""
    findings = list(_findings())
    if as_json:
        rows = [{"name": one.name, "works": one.works, "detail": one.detail} for one in findings]
        sys.stdout.write(encode({"schema_version": 1, "findings": rows}))
    else:
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        for one in findings:
            word = Text("works" if one.works else "missing", style="green" if one.works else "yellow")
            table.add_row(Text(one.name), word, Text(one.detail))
        terminal(color).print(table)
    needed = {"target reference", "place for runs", "checkers"}
    return Exit.VALID if all(one.works for one in findings if one.name in needed) else Exit.TROUBLE


def _findings() -> Iterator[Finding]:
    yield from (Finding(name, value != "not installed", value) for name, value in environment_rows())
    yield _checkers()
    for name in TARGETS:
        yield _target(name)
    yield _place()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    remedy = "only the project's own browser tests need it: install the chromium package"
    yield Finding("chromium", chromium is not None, chromium or remedy)


def _checkers() -> Finding:
    """Large histories are judged by compiled kernels: is there a place where they stay compiled?"""
    if importlib.util.find_spec("numba") is None:
        return Finding("checkers", False, "numba is missing: install Anomalist again")
    place = Path(__file__).resolve().parent.parent / "checkers"
    kept = os.access(place, os.W_OK)
    detail = "kernels are compiled once" if kept else f"{place} is read-only: set NUMBA_CACHE_DIR to keep kernels"
    return Finding("checkers", True, f"numba {installed_version('numba')}; {detail}")


def _target(name: str) -> Finding:
    try:
        target = load_target(name)
        target.open()
        levels, version = ", ".join(target.levels), target.version
        target.close()
    except TargetUnavailable as error:
        return Finding(f"target {name}", False, str(error))
    except Exception as error:  # noqa: BLE001  A driver may fail in any way; the doctor says how and goes on.
        return Finding(f"target {name}", False, described(error))
    return Finding(f"target {name}", True, f"{version}; levels {levels}")


def _place() -> Finding:
    here = Path.cwd()
    try:
        with tempfile.NamedTemporaryFile(dir=here):
            pass
        free = shutil.disk_usage(here).free
    except OSError as error:
        return Finding("place for runs", False, f"{here}: {error.strerror}; run elsewhere or use --out")
    enough = free >= _SPACE_NEEDED_BYTES
    detail = f"{here}, {free / 1e9:.1f} GB free"
    return Finding("place for runs", enough, detail if enough else f"{detail}: free some space or use --out")
