"""The catalogue of what can be run: suites, and for each workload the checkers that judge it.

This table is the only place where workloads and checkers meet; each knows the other by name at most, so any
recorded history can be judged again by any checker.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

from harness.history import History
from harness.program import Workload
from harness.verdict import Findings

__all__ = [
    "CHECKERS",
    "CONTRACT",
    "DEFAULT_SUITE",
    "ON_KEYS",
    "ON_MODELS",
    "ON_OBJECTS",
    "SCRIPTED",
    "SUITES",
    "TIMESTAMPED",
    "TIMESTAMPS",
    "WEAK_LEVELS",
    "WORKLOADS",
    "Checks",
    "Suite",
    "checker",
    "workload",
]


class Suite(NamedTuple):
    """One row: which workloads, and how much of each. `txns` and `time_limit_s` are per workload."""

    name: str
    workloads: tuple[str, ...]
    txns: int
    time_limit_s: float
    clients: int
    sentence: str


class Checks(NamedTuple):
    """One row: a workload, the checkers that judge its histories, and where it is written."""

    workload: str
    checkers: tuple[str, ...]
    source: str


WORKLOADS: dict[str, Checks] = {
    row.workload: row
    for row in (
        Checks("list-append", ("list-append",), "workloads.list_append:LIST_APPEND"),
        Checks("rw-register", ("rw-register",), "workloads.rw_register:RW_REGISTER"),
        Checks("bank", ("bank",), "workloads.bank:BANK"),
        Checks("write-skew", ("write-skew",), "workloads.write_skew:WRITE_SKEW"),
        Checks("predicate-skew", ("predicate-skew",), "workloads.predicate_skew:PREDICATE_SKEW"),
        Checks("predicates", ("predicates",), "workloads.predicates:PREDICATES"),
        Checks("counter", ("counter",), "workloads.counter:COUNTER"),
        Checks("long-fork", ("long-fork",), "workloads.long_fork:LONG_FORK"),
        Checks("set", ("set",), "workloads.set_full:SET"),
        Checks("unique-ids", ("unique-ids", "monotonic"), "workloads.unique_ids:UNIQUE_IDS"),
        Checks("monotonic", ("monotonic",), "workloads.monotonic:MONOTONIC"),
        Checks("session-guarantees", ("session-guarantees", "list-append"), "workloads.sessions:SESSIONS"),
        Checks("linearizable-register", ("linearizable",), "workloads.linearizable:REGISTER"),
        Checks("linearizable-counter", ("linearizable",), "workloads.linearizable:COUNTER"),
        Checks("linearizable-set", ("linearizable",), "workloads.linearizable:SET"),
        Checks("linearizable-lock", ("linearizable",), "workloads.linearizable:LOCK"),
        Checks("queue", ("total-queue",), "workloads.queue:QUEUE"),
        Checks("queue-redelivery", ("total-queue",), "workloads.queue:QUEUE_REDELIVERY"),
        Checks("sql-append", ("list-append",), "workloads.statements:SQL_APPEND"),
        Checks("sql-bank", ("bank",), "workloads.statements:SQL_BANK"),
        Checks("cache", ("register",), "workloads.entries:CACHE"),
        Checks("vectors", ("register",), "workloads.entries:VECTORS"),
        Checks("graph", ("graph",), "workloads.graph:GRAPH"),
        Checks("restart", ("register",), "workloads.entries:RESTART"),
    )
}

# What the list-append checker leaves open at weak levels another one decides: it is asked where one is expected.
WEAK_LEVELS: dict[str, tuple[str, ...]] = {
    "list-append": (
        "read-atomic",
        "update-atomic",
        "causal-cerone",
        "prefix",
        "strong-session-read-atomic",
        "strong-session-causal-cerone",
    )
}

# What a database says of its own snapshots and commits is held against what these judge, where it says anything.
TIMESTAMPS = "timestamps"
TIMESTAMPED: tuple[str, ...] = ("list-append", "rw-register")

SCRIPTED = "brute-force"  # It judges what `probe` and the contract suite perform step by step.

CHECKERS: dict[str, str] = {
    "list-append": "checkers.lists.list_append:check_list_append",
    "visibility": "checkers.lists.visibility:check_visibility",
    "bank": "checkers.invariants.bank:check_bank",
    "write-skew": "checkers.invariants.write_skew:check_write_skew",
    "predicate-skew": "checkers.invariants.predicate_skew:check_predicate_skew",
    "predicates": "checkers.predicates:check_predicates",
    "counter": "checkers.invariants.counter:check_counter",
    "long-fork": "checkers.invariants.long_fork:check_long_fork",
    "set": "checkers.invariants.set_full:check_set_full",
    "unique-ids": "checkers.invariants.unique_ids:check_unique_ids",
    "monotonic": "checkers.invariants.monotonic:check_monotonic",
    "session-guarantees": "checkers.invariants.session_guarantees:check_session_guarantees",
    "total-queue": "checkers.invariants.total_queue:check_total_queue",
    "register": "checkers.register:check_register",
    "graph": "checkers.invariants.graph_integrity:check_graph",
    "rw-register": "checkers.rw_register:check_rw_register",
    TIMESTAMPS: "checkers.timestamps:check_timestamps",
    "linearizable": "checkers.linearizability.check:check_linearizability",
    SCRIPTED: "checkers.brute_force:check_by_brute_force",
}

ON_KEYS: tuple[str, ...] = (
    "list-append",
    "bank",
    "write-skew",
    "predicate-skew",
    "counter",
    "long-fork",
    "set",
    "unique-ids",
    "monotonic",
    "session-guarantees",
    "rw-register",
    "predicates",
)
ON_OBJECTS: tuple[str, ...] = (
    "linearizable-register",
    "linearizable-counter",
    "linearizable-set",
    "linearizable-lock",
)
ON_MODELS: tuple[str, ...] = ("queue", "queue-redelivery", "sql-append", "sql-bank", "cache", "vectors", "graph")

DEFAULT_SUITE = "quick"
CONTRACT = "contract"  # Of checks, not of workloads: `workloads.contract`.
SUITES: dict[str, Suite] = {
    row.name: row
    for row in (
        Suite("quick", ON_KEYS, 4_000, 10.0, 5, "every workload, small: seconds on an embedded database"),
        Suite("standard", (*ON_KEYS, *ON_OBJECTS), 20_000, 60.0, 10, "every workload, with more clients: minutes"),
        Suite("models", (*ON_MODELS, "restart"), 2_000, 30.0, 5, "every workload on a data model, and a restart"),
    )
}


def workload(name: str) -> Workload:
    """The workload called `name`, a key of WORKLOADS."""
    found: Workload = _load(WORKLOADS[name].source)
    return found


def checker(name: str, history: History) -> Findings:
    """Judge `history` by the checker called `name`, a key of CHECKERS."""
    findings: Findings = _load(CHECKERS[name])(history)
    return findings


def _load(source: str) -> Any:
    module, name = source.split(":")
    return getattr(import_module(module), name)
