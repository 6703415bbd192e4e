"""The contract suite's catalogue: sections A to P, and the scenarios that try their promises."""

from __future__ import annotations

from typing import Final

from harness.contract import Scenario
from workloads.contract.concurrency import CONCURRENCY
from workloads.contract.isolation import ISOLATION
from workloads.contract.queues import QUEUES
from workloads.contract.statements import STATEMENTS

__all__ = ["SCENARIOS", "SECTIONS"]

SECTIONS: Final[dict[str, str]] = {
    "A": "Isolation",
    "B": "Concurrency",
    "C": "SQL engine",
    "D": "Queue",
    "E": "Graph topology",
    "F": "Temporal graph",
    "G": "Semantic cache",
    "H": "Vector search",
    "I": "Large values and many keys",
    "J": "Crash recovery",
    "K": "Documented API",
    "L": "Statistics and prefix limits",
    "M": "Compression and binary values",
    "N": "Backup under load",
    "O": "Namespace isolation",
    "P": "Batch operations",
}

SCENARIOS: Final[tuple[Scenario, ...]] = (*ISOLATION, *CONCURRENCY, *STATEMENTS, *QUEUES)
