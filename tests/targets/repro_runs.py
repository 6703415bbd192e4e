"""Runs programs on the stand-in for SochDB's SDK, and gives transcripts a surface that speaks of it."""

from __future__ import annotations

import contextlib
import io
import sys
from types import ModuleType
from typing import Any

from harness.contract import TranscriptLine
from harness.targets.sochdb_surface import SochDBSurface

ROOT = "/rig/A1"
PATH = f"{ROOT}/1/database"


def called(
    name: str, *arguments: Any, db: int = 1, txn: int = 0, result: Any = None, error: str = ""
) -> TranscriptLine:
    """One line of a transcript."""
    return TranscriptLine(db, txn, name, arguments, result, error)


def script_of(sdk: ModuleType) -> Any:
    """The script of a surface that lacks nothing."""
    surface = SochDBSurface(sdk, "9.9")
    surface.lacking = {}
    return surface.script


def printed(program: str, sdk: ModuleType) -> list[str]:
    """What the program prints when it runs with this module for `sochdb`."""
    before, sys.modules["sochdb"] = sys.modules.get("sochdb"), sdk
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(program, "repro", "exec"), {})  # noqa: S102  That is what a program is for.
    finally:
        if before is None:
            del sys.modules["sochdb"]
        else:
            sys.modules["sochdb"] = before
    return out.getvalue().splitlines()
