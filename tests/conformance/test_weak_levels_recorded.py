"""The recorded histories of other checkers (AWDIT, dbcop, PolySI, IsoVista), judged at the weak levels.

What they call read committed is Biswas and Enea's: an operation may not miss what an earlier one of its transaction
saw. That is stronger than Adya's PL-2, which does not order the reads of a transaction, and is monotonic atomic view
in our table (docs/WEAK_LEVELS.md). All their levels count the order within sessions.
"""

from __future__ import annotations

from typing import Any

import pytest

from checkers.catalogue import closed_refutations
from checkers.registers import registers_of
from checkers.rw_register.weak import weak_anomalies, weak_level_holds
from tests.conformance.checker_histories import cases, load

LEVELS = {"RC": "monotonic-atomic-view", "RA": "read-atomic", "CC": "causal-cerone"}


@pytest.mark.parametrize("case", cases())
def test_a_recorded_history_is_judged_as_recomputed_and_as_claimed(case: dict[str, Any]) -> None:
    """Read committed, read atomic and causal consistency are refuted where the manifest says so, and only there."""
    registers = registers_of(load(case))
    found = weak_anomalies(registers)
    assert (registers.doubts, found.doubts) == ((), [])
    refuted = closed_refutations(one.name for one in found.anomalies)
    for name, level in LEVELS.items():
        holds = f"strong-session-{level}" not in refuted
        assert holds == case["computed_here"][name], name
        assert holds == case["claimed"].get(name, holds), name
        assert holds == weak_level_holds(registers, level)
