"""Every anomaly this product can name, as one table, and which levels each one refutes.

A cycle's name is a class, then -item where every anti-dependency needed is on a single key, then -process or
-realtime for the strongest order edge needed. The classes, weakest demand first:

    G0             only ww            dirty write             T1 ─ww→ T2 ─ww→ T1
    G1c            ww and wr          circular information    T1 ─ww→ T2 ─wr→ T1
    G-single       exactly one rw     read skew               T1 ─wr→ T2 ─rw→ T1
    G-nonadjacent  rw never twice     long fork               T1 ─wr→ T2 ─rw→ T3 ─wr→ T4 ─rw→ T1
    G2             anything           write skew              T1 ─rw→ T2 ─rw→ T1

Sources: Adya 1999; Berenson 1995; Bailis 2013; Cerone & Gotsman 2016; Kingsbury & Alvaro 2020.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from harness.level import Level, refuted_by

__all__ = [
    "CATALOGUE",
    "CLASSES",
    "SUFFIXES",
    "AnomalyType",
    "closed_refutations",
    "directly_refuted",
    "refutes",
    "source",
]

CLASSES: tuple[str, ...] = ("G0", "G1c", "G-single", "G-nonadjacent", "G2")
SUFFIXES: tuple[str, ...] = ("", "-process", "-realtime")


class AnomalyType(NamedTuple):
    """One row of the catalogue: what it is called, which levels it refutes directly, what it means."""

    name: str
    refutes: tuple[str, ...]
    sentence: str


_RC, _CV, _RR, _SI, _SER = (
    "read-committed",
    "consistent-view",
    "repeatable-read",
    "snapshot-isolation",
    "serializable",
)
_PSI = "parallel-snapshot-isolation"
_SESSION, _STRONG = "strong-session-", "strong-"
_STRICT = ("strict-serializable",)

CATALOGUE: tuple[AnomalyType, ...] = (
    AnomalyType("G0", ("read-uncommitted",), "Transactions overwrote one another in contradicting orders."),
    AnomalyType("G1a", (_RC,), "A committed transaction read a write of an aborted one."),
    AnomalyType("G1b", (_RC,), "A committed transaction read a version that its writer overwrote itself."),
    AnomalyType("G1c", (_RC,), "Transactions saw each other's effects in a circle."),
    AnomalyType("G-single-item", (_CV, _RR), "A transaction saw part of another's effects and missed the rest."),
    AnomalyType(
        "G-single", (_CV,), "A transaction saw part of another's effects and its range read missed the rest."
    ),
    AnomalyType("G-nonadjacent-item", (_SI, _RR), "Transactions read from snapshots that contradict one another."),
    AnomalyType("G-nonadjacent", (_SI,), "Transactions read from snapshots that contradict one another."),
    AnomalyType("G2-item", (_RR,), "Each of the transactions missed a write of the next: write skew."),
    AnomalyType("G2", (_SER,), "Each of the transactions missed a write of the next, by a range read: a phantom."),
    AnomalyType("G0-process", (_SESSION + "read-uncommitted",), "G0, where the order within a session is kept."),
    AnomalyType("G1c-process", (_SESSION + _RC,), "G1c, where the order within a session is kept."),
    AnomalyType("G-single-item-process", (_SESSION + _SI,), "A session missed what it should already have seen."),
    AnomalyType("G-single-process", (_SESSION + _SI,), "A session's range read missed what it should have seen."),
    AnomalyType("G-nonadjacent-item-process", (_SESSION + _SI,), "Snapshots that contradict the sessions' order."),
    AnomalyType("G-nonadjacent-process", (_SESSION + _SI,), "Snapshots that contradict the sessions' order."),
    AnomalyType("G2-item-process", (_SESSION + _SER,), "No serial order keeps the order within each session."),
    AnomalyType("G2-process", (_SESSION + _SER,), "No serial order keeps the order within each session."),
    AnomalyType("G0-realtime", (_STRONG + "read-uncommitted",), "G0, where real time is kept."),
    AnomalyType("G1c-realtime", (_STRONG + _RC,), "G1c, where real time is kept."),
    AnomalyType("G-single-item-realtime", (_STRONG + _SI,), "A transaction missed one that had already ended."),
    AnomalyType("G-single-realtime", (_STRONG + _SI,), "A range read missed a transaction that had already ended."),
    AnomalyType("G-nonadjacent-item-realtime", (_STRONG + _SI,), "Snapshots that contradict real time."),
    AnomalyType("G-nonadjacent-realtime", (_STRONG + _SI,), "Snapshots that contradict real time."),
    AnomalyType("G2-item-realtime", _STRICT, "No serial order keeps real time."),
    AnomalyType("G2-realtime", _STRICT, "No serial order keeps real time."),
    AnomalyType("internal", ("read-atomic",), "A transaction did not see its own earlier reads or writes."),
    AnomalyType(
        "OTV", ("monotonic-atomic-view",), "A transaction that had seen another's effects later found them gone."
    ),
    AnomalyType(
        "OTV-process",
        (_SESSION + "monotonic-atomic-view",),
        "A transaction that had seen another's effects later found them gone, by the order within sessions.",
    ),
    AnomalyType("future-read", (_RC,), "A transaction read what it only wrote later."),
    AnomalyType("dirty-update", (_RC,), "A committed write was built on a write of an aborted transaction."),
    AnomalyType("duplicate-elements", ("read-uncommitted",), "One append took effect twice."),
    AnomalyType("incompatible-order", (_RC,), "Two reads of one list disagree on the order of its elements."),
    AnomalyType("cyclic-versions", (_RC,), "The versions of one key have no order."),
    AnomalyType("garbage-read", ("read-uncommitted",), "A transaction read a value that nobody wrote."),
    AnomalyType(
        "lost-update", ("cursor-stability", "update-atomic", _RR), "Two transactions updated the same version."
    ),
    AnomalyType("fractured-read", ("read-atomic",), "A transaction saw part of another's writes and older ones."),
    AnomalyType("fractured-read-process", (_SESSION + "read-atomic",), "A session saw part of what it had to see."),
    AnomalyType("causality-violation", ("causal-cerone",), "A transaction missed what it causally depends on."),
    AnomalyType(
        "causality-violation-process",
        (_SESSION + "causal-cerone",),
        "A transaction missed what it causally depends on, sessions counted.",
    ),
    AnomalyType("no-parallel-snapshot-order", (_PSI,), "No version order has snapshots."),
    AnomalyType("no-snapshot-order", (_SI,), "No order of commits gives each transaction a snapshot."),
    AnomalyType("no-snapshot-order-process", (_SESSION + _SI,), "No snapshots keep the order within each session."),
    AnomalyType("no-snapshot-order-realtime", (_STRONG + _SI,), "No snapshots keep real time."),
    AnomalyType("no-serial-order", (_SER,), "No serial order explains what was read."),
    AnomalyType("no-serial-order-process", (_SESSION + _SER,), "No serial order keeps the order within a session."),
    AnomalyType("no-serial-order-realtime", _STRICT, "No serial order explains what was read and keeps real time."),
    AnomalyType(
        "not-linearizable", ("linearizable",), "The operations on one object have no order that explains them."
    ),
    AnomalyType(
        "duplicate-id", ("cursor-stability", "update-atomic", _RR), "Two transactions drew one number from a counter."
    ),
    AnomalyType(
        "non-monotonic-read",
        ("monotonic-reads", _SESSION + "causal-cerone"),
        "A session saw an older state after a newer one.",
    ),
    AnomalyType(
        "non-monotonic-write",
        ("monotonic-writes", _SESSION + "causal-cerone"),
        "A session's writes were seen in another order.",
    ),
    AnomalyType(
        "missed-own-write",
        ("read-your-writes", _SESSION + "read-atomic"),
        "A session did not see what it had written itself.",
    ),
    AnomalyType(
        "writes-do-not-follow-reads",
        ("writes-follow-reads", _SESSION + "causal-cerone"),
        "A write was seen without what its session had read.",
    ),
    AnomalyType("lost-append", (_STRONG + _SI,), "An acknowledged append is missing from a read that began later."),
    AnomalyType("predicate-read-miss", (_SER,), "A range read missed a key that was there throughout."),
    AnomalyType("wrong-total", (_CV, _RR), "A read of all accounts does not add up to what was paid in."),
    AnomalyType(
        "lost-increment", (_STRONG + _SI,), "The counter is lower than the number of acknowledged increments."
    ),
    AnomalyType("extra-increment", (_RC,), "The counter is higher than all increments that can have committed."),
    AnomalyType("long-fork", ("prefix", _RR), "Two readers saw two writes in opposite orders."),
    AnomalyType("lost-element", (_STRONG + _SI,), "An acknowledged element of a set is missing from the final read."),
    AnomalyType(
        "duplicate-claim",
        ("cursor-stability", "update-atomic", _RR),
        "One task of a queue was two workers' at a time.",
    ),
    AnomalyType(
        "lost-task", (_STRONG + _SI,), "A queue was empty although an acknowledged task was in nobody's hands."
    ),
    AnomalyType("redelivered-task", (_STRONG + _SI,), "A task was delivered again after it had been acknowledged."),
    AnomalyType("stale-ack", (_STRONG + _SI,), "A claim of a task that was over before was acknowledged."),
    AnomalyType("dangling-edge", (_SER,), "A graph had an edge to a node that does not exist."),
)

# Where a name and its meaning come from, by the longest beginning of the name that stands here.
_SOURCES: dict[str, str] = {
    "G0": "Adya 1999; Berenson 1995 (dirty write)",
    "G1": "Adya 1999",
    "G-single": "Adya 1999; Berenson 1995 (read skew); the name is Elle's, Kingsbury & Alvaro 2020",
    "G-nonadjacent": "Cerone & Gotsman 2016; the name is Elle's, Kingsbury & Alvaro 2020",
    "G2": "Adya 1999; Berenson 1995 (write skew, phantom)",
    "": "Kingsbury & Alvaro 2020",
    "OTV": "Bailis 2013; Biswas & Enea 2019, as a violation of read committed",
    "lost-update": "Berenson 1995",
    "fractured-read": "Bailis 2014; Biswas & Enea 2019",
    "causality-violation": "Bouajjani 2017; Biswas & Enea 2019",
    "no-parallel-snapshot-order": "Cerone 2015",
    "no-snapshot-order": "Cerone & Gotsman 2016; Huang 2023 (PolySI)",
    "no-serial-order": "Papadimitriou 1979; Tan 2020 (Cobra)",
    "not-linearizable": "Herlihy & Wing 1990",
    "duplicate-id": "Jepsen (unique-ids)",
    "non-monotonic-read": "Terry 1994; Viotti & Vukolić 2016",
    "non-monotonic-write": "Terry 1994; Viotti & Vukolić 2016",
    "missed-own-write": "Terry 1994; Viotti & Vukolić 2016",
    "writes-do-not-follow-reads": "Terry 1994; Viotti & Vukolić 2016",
    "garbage-read": "Jepsen (unexpected reads)",
    "lost-append": "Jepsen (lost appends)",
    "wrong-total": "Jepsen (bank)",
    "lost-increment": "Jepsen (counter)",
    "extra-increment": "Jepsen (counter)",
    "long-fork": "Sovran 2011; Jepsen (long-fork)",
    "lost-element": "Jepsen (set-full)",
    "duplicate-claim": "Jepsen (total-queue)",
    "lost-task": "Jepsen (total-queue)",
    "redelivered-task": "Jepsen (total-queue)",
    "stale-ack": "ours",
    "dangling-edge": "ours",
}

_ROWS = {row.name: row for row in CATALOGUE}


def refutes(name: str) -> tuple[Level, ...]:
    """The levels that the anomaly called `name` refutes directly."""
    return tuple(Level(one) for one in _ROWS[name].refutes)


def closed_refutations(names: Iterable[str]) -> tuple[Level, ...]:
    """Every level refuted by any of these anomalies, closed upward."""
    return refuted_by(one for name in names for one in _ROWS[name].refutes)


def directly_refuted(names: Iterable[str]) -> tuple[Level, ...]:
    """Every level that one of these anomalies refutes directly: what a search for them can decide."""
    return tuple(dict.fromkeys(Level(one) for name in names for one in _ROWS[name].refutes))


def source(name: str) -> str:
    """The work that the anomaly called `name` comes from."""
    return _SOURCES[max((start for start in _SOURCES if name.startswith(start)), key=len)]
