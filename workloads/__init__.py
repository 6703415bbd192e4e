"""Pure generators of transaction programs, each drawing the anomaly that it provokes."""

from __future__ import annotations

from harness.program import Workload
from workloads.bank import BANK
from workloads.counter import COUNTER
from workloads.entries import CACHE, RESTART, VECTORS
from workloads.graph import GRAPH
from workloads.linearizable import COUNTER as LINEARIZABLE_COUNTER
from workloads.linearizable import LOCK, REGISTER
from workloads.linearizable import SET as LINEARIZABLE_SET
from workloads.list_append import LIST_APPEND
from workloads.long_fork import LONG_FORK
from workloads.monotonic import MONOTONIC
from workloads.predicate_skew import PREDICATE_SKEW
from workloads.predicates import PREDICATES
from workloads.queue import QUEUE, QUEUE_REDELIVERY
from workloads.rw_register import RW_REGISTER
from workloads.sessions import SESSIONS
from workloads.set_full import SET
from workloads.statements import SQL_APPEND, SQL_BANK
from workloads.unique_ids import UNIQUE_IDS
from workloads.write_skew import WRITE_SKEW

__all__ = ["WORKLOADS"]

_ON_KEYS = (
    LIST_APPEND,
    RW_REGISTER,
    BANK,
    COUNTER,
    WRITE_SKEW,
    PREDICATE_SKEW,
    PREDICATES,
    LONG_FORK,
    SET,
    UNIQUE_IDS,
    MONOTONIC,
    SESSIONS,
)
_ON_OBJECTS = (REGISTER, LINEARIZABLE_COUNTER, LINEARIZABLE_SET, LOCK)
_ON_MODELS_AND_DISK = (QUEUE, QUEUE_REDELIVERY, SQL_APPEND, SQL_BANK, CACHE, VECTORS, GRAPH, RESTART)

WORKLOADS: dict[str, Workload] = {
    workload.name: workload for workload in (*_ON_KEYS, *_ON_OBJECTS, *_ON_MODELS_AND_DISK)
}
