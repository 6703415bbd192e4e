"""The recorded histories of other checkers (AWDIT, dbcop, PolySI, IsoVista), judged at the weak levels.

What they call read committed is Biswas and Enea's: an operation may not miss what an earlier one of its transaction
saw. That is stronger than Adya's PL-2, which does not order the reads of a transaction, and is monotonic atomic view
in our table (docs/WEAK_LEVELS.md). All their levels count the order within sessions.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from checkers.catalogue import closed_refutations
from checkers.registers import registers_of
from checkers.rw_register.weak import weak_anomalies, weak_level_holds
from harness.build import HistoryBuilder
from harness.history import History, Op, RunInfo, Status

ROOT = Path(__file__).resolve().parent.parent.parent
CONFORMANCE = Path(os.environ.get("ANOMALIST_CONFORMANCE", ROOT.parent / "shared" / "conformance"))
MANIFEST = CONFORMANCE / "checkers" / "manifest.json"

LEVELS = {"RC": "monotonic-atomic-view", "RA": "read-atomic", "CC": "causal-cerone"}


def cases() -> list[Any]:
    if not MANIFEST.exists():
        reason = f"{MANIFEST} is absent; set ANOMALIST_CONFORMANCE to the folder that holds it"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason))]
    return [pytest.param(case, id=Path(case["file"]).stem) for case in json.loads(MANIFEST.read_text())]


def load(path: Path) -> History:
    """Sessions of transactions without time. Writing the initial value is how a file says that it is there."""
    found = json.loads(path.read_text())
    builder = HistoryBuilder()
    for client, session in enumerate(found["sessions"]):
        for txn in session:
            ops = [Op(kind, key, None if value == found["init"] else value) for kind, key, value in txn["ops"]]
            builder.add(client, 1, 2, Status.OK, [op for op in ops if (op.kind, op.value) != ("w", None)])
    return builder.build(RunInfo(clock="sessions", foreign=True))


@pytest.mark.parametrize("case", cases())
def test_a_recorded_history_is_judged_as_recomputed_and_as_claimed(case: dict[str, Any]) -> None:
    """Read committed, read atomic and causal consistency are refuted where the manifest says so, and only there."""
    registers = registers_of(load(CONFORMANCE / case["file"]))
    found = weak_anomalies(registers)
    assert (registers.doubts, found.doubts) == ((), [])
    refuted = closed_refutations(one.name for one in found.anomalies)
    for name, level in LEVELS.items():
        holds = f"strong-session-{level}" not in refuted
        assert holds == case["computed_here"][name], name
        assert holds == case["claimed"].get(name, holds), name
        assert holds == weak_level_holds(registers, level)
