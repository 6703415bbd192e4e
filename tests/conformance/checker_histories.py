"""The recorded histories of other checkers (AWDIT, dbcop, PolySI, IsoVista): sessions without times."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from harness.build import HistoryBuilder
from harness.history import History, Op, RunInfo, Status

__all__ = ["cases", "load"]

ROOT = Path(__file__).resolve().parent.parent.parent
CONFORMANCE = Path(os.environ.get("ANOMALIST_CONFORMANCE", ROOT.parent / "shared" / "conformance"))
MANIFEST = CONFORMANCE / "checkers" / "manifest.json"


def cases() -> list[Any]:
    """The rows of the manifest as parameters; one that skips where there is none."""
    if not MANIFEST.exists():
        reason = f"{MANIFEST} is absent; set ANOMALIST_CONFORMANCE to the folder that holds it"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason))]
    return [pytest.param(case, id=Path(case["file"]).stem) for case in json.loads(MANIFEST.read_text())]


def load(case: dict[str, Any]) -> History:
    """The history of a row. Writing the initial value is how a file says that it is there."""
    found = json.loads((CONFORMANCE / case["file"]).read_text())
    builder = HistoryBuilder()
    for client, session in enumerate(found["sessions"]):
        for txn in session:
            ops = [Op(kind, key, None if value == found["init"] else value) for kind, key, value in txn["ops"]]
            builder.add(client, 1, 2, Status.OK, [op for op in ops if (op.kind, op.value) != ("w", None)])
    return builder.build(RunInfo(clock="sessions", foreign=True))
