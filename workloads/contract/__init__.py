"""The contract suite as data: sections A to P, each a file of scenarios, each scenario a program and its checks."""

from __future__ import annotations

from typing import Final

from harness.contract import Scenario

__all__ = ["SCENARIOS", "SECTIONS"]

SECTIONS: Final[dict[str, str]] = {
    "A": "Isolation",
    "B": "Concurrency",
    "C": "SQL",
    "D": "Queue",
    "E": "Graph",
    "F": "Temporal graph",
    "G": "Semantic cache",
    "H": "Vectors",
    "I": "Sizes",
    "J": "Durability and closing",
    "K": "Documented calls",
    "L": "Statistics and prefixes",
    "M": "Compression and encoding",
    "N": "Backup",
    "O": "Namespaces",
    "P": "Batches",
}

SCENARIOS: Final[tuple[Scenario, ...]] = ()
