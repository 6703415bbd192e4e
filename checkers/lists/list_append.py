"""The checker for list-append histories: evidence, phenomena, dependency graph, cycles.

    append x 1 · append y 1          the reads show orders of appends, the orders show dependencies,
    read x = [1] · read y = []       a cycle of dependencies shows that no serial order explains the reads

Complete for serializable, strict-serializable, and both kinds of snapshot isolation: where the order of appends is
open, a solver decides (`checkers.graphs.open_orders`). Source: Kingsbury & Alvaro, "Elle: Inferring Isolation
Anomalies from Experimental Observations", VLDB 2020; which names are reported is fixed in `checkers.graphs.cycles`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from checkers.catalogue import CATALOGUE, directly_refuted, refutes
from checkers.evidence import TIMELESS, concurrent_accesses, overlapping_clients
from checkers.graphs.cycles import Undecided, find_cycles
from checkers.graphs.graph import RW, WR, WW, Edges, residue
from checkers.lists.dependencies import dependencies, open_orders
from checkers.lists.observations import Observations, observe
from checkers.lists.phenomena import Phenomenon, find_phenomena
from checkers.lists.proof import cycle_anomaly, phenomenon_anomaly
from harness.history import KIND_CODE, SCALAR, History, Status
from harness.level import Level, level, refuted_by
from harness.verdict import Anomaly, Doubt, Evidence, Findings

__all__ = ["check_list_append", "no_evidence"]

_NAMES = tuple(
    row.name
    for row in CATALOGUE
    if row.name.startswith("G")
    or row.name
    in {
        "internal",
        "future-read",
        "dirty-update",
        "duplicate-elements",
        "incompatible-order",
        "garbage-read",
        "lost-update",
        "lost-append",
    }
)
_SEARCHED = directly_refuted(_NAMES)
# What a cycle with an anti-dependency may refute.
_LEVELS_OF_RW = directly_refuted(name for name in _NAMES if name.startswith(("G-", "G2")))
_LEVELS_OF_TIME = directly_refuted(name for name in _NAMES if name.endswith("-realtime"))
# What is found refutes these wherever they were broken. `checkers.lists.visibility` decides the levels between them.
_DECIDED = tuple(
    level(name)
    for name in (
        "read-uncommitted",
        "read-committed",
        "consistent-view",
        "repeatable-read",
        "parallel-snapshot-isolation",
        "snapshot-isolation",
        "serializable",
        "strong-session-read-uncommitted",
        "strong-session-read-committed",
        "strong-session-snapshot-isolation",
        "strong-session-serializable",
        "strong-read-uncommitted",
        "strong-read-committed",
        "strong-snapshot-isolation",
        "strict-serializable",
    )
)
_NEEDED_CONCURRENT = 10


def check_list_append(history: History) -> Findings:
    """Judge a list-append history (operations r and append only)."""
    seen = observe(history)
    history = seen.history
    doubts = no_evidence(history, seen)
    if doubts:
        return Findings(checker="list-append", doubts=doubts, evidence=_evidence(history, None))
    anomalies = [_phenomenon(seen, found) for found in find_phenomena(seen)]
    edges, left_out = dependencies(seen, atomic_append=_atomic(history))
    rest = residue(history, seen.included, edges)
    # Below the levels that forbid lost updates an append of two steps may be overwritten: it has no place then.
    orders = open_orders(seen) if _atomic(history) and len(rest.rows) else []
    search = find_cycles(history, rest, open_orders=orders)
    anomalies += [cycle_anomaly(seen, cycle) for cycle in search.cycles]
    return Findings(
        checker="list-append",
        anomalies=tuple(anomalies),
        refuted=refuted_by(one for anomaly in anomalies for one in anomaly.refutes),
        sought=_NAMES,
        searched=_SEARCHED,
        decided=_decided(seen),
        evidence=_evidence(history, edges),
        doubts=(*_timeless(history), *_unfinished(left_out, search.doubtful)),
        stats={
            "txns": len(history),
            "edges": len(edges),
            "components": search.components,
            "in_cycles": len(rest.rows),
        },
    )


def _atomic(history: History) -> bool:
    return history.info.append == "atomic"


def no_evidence(history: History, seen: Observations) -> tuple[Doubt, ...]:
    """What makes a history no evidence at all. Nothing is repaired."""
    sentences = []
    is_read, is_append = (history.op_kind == KIND_CODE[kind] for kind in ("r", "append"))
    # A statement of its own is the set-up's, and its key a label.
    other = ~(is_read | is_append | (history.op_kind == KIND_CODE["sql"]))
    if bool(other.any()):
        op = history.op(int(np.argmax(other)))
        sentences.append(f"operation {op.kind} of key {op.key!r} does not belong in a list-append history")
    scalar = is_read & (history.op_length == SCALAR)
    scalar &= seen.op_size < 0
    if bool(scalar.any()):
        op = history.op(int(np.argmax(scalar)))
        sentences.append(f"a read of key {op.key!r} returned {op.value!r:.80}, which is not a list")
    listed = is_append & (history.op_length != SCALAR)
    if bool(listed.any()):
        op = history.op(int(np.argmax(listed)))
        sentences.append(f"an append to key {op.key!r} has a list or nothing as its element")
    if not sentences and seen.repeated_append >= 0:
        op = history.op(seen.repeated_append)
        sentences.append(f"element {op.value!r:.80} was appended to key {op.key!r} more than once")
    sentences += overlapping_clients(history)
    return tuple(Doubt("evidence", sentence) for sentence in sentences)


def _decided(seen: Observations) -> tuple[Level, ...]:
    """Where reads contradict one another no order of versions is known, and a cycle of ww may be one unseen."""
    unordered = bool(seen.disputed.any())
    return tuple(one for one in _DECIDED if not (unordered and one.endswith("read-uncommitted")))


def _timeless(history: History) -> tuple[Doubt, ...]:
    """Levels that keep real time cannot be vouched for by a record without times."""
    return (Doubt("evidence", TIMELESS, _LEVELS_OF_TIME),) if history.info.clock == "sessions" else ()


def _unfinished(left_out: int, doubtful: Sequence[Undecided]) -> tuple[Doubt, ...]:
    """What was not searched, and the levels for which it matters."""
    doubts = []
    if left_out:
        sentence = f"{left_out} reads of lists that miss very many appends were followed in part only"
        doubts.append(Doubt("budget", sentence, _LEVELS_OF_RW))
    for one in doubtful:
        sentence = f"in {one.count} components {one.name} or a stronger class was found, not which"
        levels = (level for name in one.open for level in refutes(str(name)))
        doubts.append(Doubt("budget", sentence, tuple(dict.fromkeys(levels))))
    return tuple(doubts)


def _evidence(history: History, edges: Edges | None) -> tuple[Evidence, ...]:
    kinds = {kind: int((edges.kind == kind).sum()) if edges else 0 for kind in (WW, WR, RW)}
    return (
        Evidence("transactions committed", int((history.status == Status.OK).sum()), 1),
        Evidence("aborted", int((history.status == Status.ABORTED).sum())),
        Evidence("unknown", int((history.status == Status.UNKNOWN).sum())),
        Evidence("concurrent accesses to a shared key", concurrent_accesses(history), _NEEDED_CONCURRENT),
        Evidence("ww edges", kinds[WW], 1),
        Evidence("wr edges", kinds[WR], 1),
        Evidence("rw edges", kinds[RW], 1),
    )


def _phenomenon(seen: Observations, found: Phenomenon) -> Anomaly:
    return phenomenon_anomaly(seen, found, _refuted_levels(seen, found))


def _refuted_levels(seen: Observations, found: Phenomenon) -> tuple[Level, ...]:
    """The catalogue's levels, but for two anomalies that depend on how they came about."""
    history = seen.history
    if found.name == "incompatible-order" and not _atomic(history):
        # An append that is a read and a write can be overwritten by a second one: a lost update, no dirty read.
        return refutes("lost-update")
    if found.name == "lost-append" and len({int(history.client[row]) for row in found.rows}) == 1:
        return refutes("G-single-item-process")
    return refutes(found.name)
