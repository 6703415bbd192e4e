"""The contract suite as data: sections A to P, each a file of scenarios, each scenario a program and its checks."""

from __future__ import annotations

from typing import Final

from harness.contract import Scenario
from workloads.contract.backups import BACKUPS
from workloads.contract.batches import BATCHES
from workloads.contract.caches import CACHES
from workloads.contract.closing import CLOSING
from workloads.contract.concurrency import CONCURRENCY
from workloads.contract.documentation import DOCUMENTATION
from workloads.contract.durability import DURABILITY
from workloads.contract.encoding import ENCODING
from workloads.contract.graphs import GRAPHS
from workloads.contract.isolation import ISOLATION
from workloads.contract.namespaces import NAMESPACES
from workloads.contract.observability import OBSERVABILITY
from workloads.contract.queues import QUEUES
from workloads.contract.sizes import SIZES
from workloads.contract.statements import STATEMENTS
from workloads.contract.temporal import TEMPORAL
from workloads.contract.vectors import VECTORS

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

SCENARIOS: Final[tuple[Scenario, ...]] = (
    *ISOLATION,
    *CONCURRENCY,
    *STATEMENTS,
    *QUEUES,
    *GRAPHS,
    *TEMPORAL,
    *CACHES,
    *VECTORS,
    *SIZES,
    *DURABILITY,
    *CLOSING,
    *DOCUMENTATION,
    *OBSERVABILITY,
    *ENCODING,
    *BACKUPS,
    *NAMESPACES,
    *BATCHES,
)
