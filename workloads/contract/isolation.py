"""Section A, isolation: what transactions see of one another."""

from __future__ import annotations

from typing import Final

from harness.contract import Scenario
from workloads.contract.lifecycle import LIFECYCLE
from workloads.contract.lost_updates import LOST_UPDATE
from workloads.contract.visibility import DIRTY_READ, PHANTOM, READ_YOUR_WRITES
from workloads.contract.write_skew import PREDICATE_WRITE_SKEW, WRITE_SKEW

__all__ = ["ISOLATION"]

ISOLATION: Final[tuple[Scenario, ...]] = (
    LOST_UPDATE,
    WRITE_SKEW,
    PHANTOM,
    DIRTY_READ,
    READ_YOUR_WRITES,
    LIFECYCLE,
    PREDICATE_WRITE_SKEW,
)
