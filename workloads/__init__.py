"""Pure generators of transaction programs, each drawing the anomaly that it provokes."""

from __future__ import annotations

from harness.program import Workload
from workloads.bank import BANK
from workloads.counter import COUNTER
from workloads.entries import CACHE, RESTART, VECTORS
from workloads.graph import GRAPH
from workloads.list_append import LIST_APPEND
from workloads.long_fork import LONG_FORK
from workloads.monotonic import MONOTONIC
from workloads.predicate_skew import PREDICATE_SKEW
from workloads.queue import QUEUE, QUEUE_REDELIVERY
from workloads.sessions import SESSIONS
from workloads.set_full import SET
from workloads.statements import SQL_APPEND, SQL_BANK
from workloads.unique_ids import UNIQUE_IDS
from workloads.write_skew import WRITE_SKEW

__all__ = ["WORKLOADS"]

_ON_KEYS = (LIST_APPEND, BANK, COUNTER, WRITE_SKEW, PREDICATE_SKEW, LONG_FORK, SET, UNIQUE_IDS, MONOTONIC, SESSIONS)
_ON_MODELS_AND_DISK = (QUEUE, QUEUE_REDELIVERY, SQL_APPEND, SQL_BANK, CACHE, VECTORS, GRAPH, RESTART)

WORKLOADS: dict[str, Workload] = {workload.name: workload for workload in (*_ON_KEYS, *_ON_MODELS_AND_DISK)}
