"""Read committed, monotonic atomic view, read atomic and causal consistency of registers of unknown version order.

A level allows a history iff an order of commits exists that keeps what it must (Biswas & Enea, OOPSLA 2019): the
writer of what a reader saw comes behind every other writer of that key which the reader had to see.

    read-committed          nothing but reads, and sessions, is kept (Adya 1999: version orders can then be chosen)
    monotonic-atomic-view   had to see: what an earlier operation of the reader read from (their "read committed")
    read-atomic             what any of its operations read from, and what its session did before
    causal-cerone           all of its causes

Each level has two forms: with the order within sessions (strong-session-...), and without. Near-optimal bounds
and what need not be looked at: Møldrup & Pavlogiannis, PLDI 2025 (AWDIT).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from checkers.joins import Bools
from checkers.registers import Registers
from checkers.rw_register import weak_kernels
from checkers.rw_register.weak_accesses import Accesses, accesses_of
from checkers.rw_register.weak_causal import causal_edges, causal_order, plain_causal_edges
from checkers.rw_register.weak_graph import (
    Components,
    Forced,
    Graph,
    components,
    forced_by_reads,
    no_forced,
    peeled,
)
from checkers.rw_register.weak_kernels import Ints
from checkers.rw_register.weak_witnesses import cycle_anomaly
from harness.level import Level
from harness.verdict import Anomaly, Doubt

__all__ = ["WEAK_ANOMALIES", "WEAK_LEVELS", "Weak", "weak_anomalies", "weak_level_holds"]

_RC, _MAV, _RA, _CC = "read-committed", "monotonic-atomic-view", "read-atomic", "causal-cerone"
# From weak to strong, each with what a cycle of its graph is called.
WEAK_LEVELS: dict[str, str] = {_RC: "G1c", _MAV: "OTV", _RA: "fractured-read", _CC: "causality-violation"}
WEAK_ANOMALIES: tuple[str, ...] = tuple(name + suffix for name in WEAK_LEVELS.values() for suffix in ("", "-process"))


class Weak(NamedTuple):
    """What was found, and what the budget left undecided."""

    anomalies: list[Anomaly]
    doubts: list[Doubt]


class _Found(NamedTuple):
    """The cycles of one form of one level."""

    graph: Graph
    components: Components


def weak_anomalies(registers: Registers) -> Weak:
    """What refutes a weak level of a register history, in its plain and in its session form.

    One anomaly per name, with a shortest cycle; its count is that of the components which contain no cycle of a
    weaker name. Exact for every level but where a doubt says otherwise. Where the reads alone are cyclic, G1c refutes
    all of these levels, and causality violations beside it are not looked for.
    """
    accesses = accesses_of(registers)
    order = causal_order(accesses, accesses.previous)
    if order is not None and order[1] is accesses.previous and _causal_holds(accesses, order[0]):
        return Weak([], [])
    found, doubts = _all(accesses, order)
    return Weak([one for each in found if (one := _told(each, found)) is not None], doubts)


def weak_level_holds(registers: Registers, level: str, *, session: bool = True) -> bool:
    """Whether one level of WEAK_LEVELS allows a history, judged alone and with nothing explained.

    Raises ValueError for causal consistency without sessions, which is judged beside the other form only.
    """
    accesses = accesses_of(registers)
    if level != _CC:
        graph = _graph(accesses, level, session)
        return peeled(graph)[1] == len(graph.previous)
    if not session:
        raise ValueError("causal consistency without sessions is judged beside the other form, never alone")
    order = causal_order(accesses, accesses.previous)
    return order is not None and order[1] is accesses.previous and _causal_holds(accesses, order[0])


def _causal_holds(accesses: Accesses, order: Ints) -> bool:
    forced = causal_edges(accesses, order, accesses.previous)
    return forced is not None and peeled(_graph(accesses, _CC, True, forced))[1] == len(order)


def _graph(accesses: Accesses, level: str, session: bool, forced: Forced | None = None) -> Graph:
    """The graph of a level; `forced` is that of causal consistency, of others it is found here."""
    previous = accesses.previous if session else np.full_like(accesses.previous, -1)
    if forced is None:
        forced = _FORCED[level](accesses, session)
    return Graph(level, session, accesses, previous, forced)


def _monotonic(accesses: Accesses, session: bool) -> Forced:
    seen, read = weak_kernels.vanishing(
        accesses.read_first,
        accesses.read_key,
        accesses.read_writer,
        accesses.registers.read_op[accesses.read],
        accesses.write_first,
        accesses.write_key,
        accesses.keys,
    )
    return forced_by_reads(accesses, seen, read)


def _atomic(accesses: Accesses, session: bool) -> Forced:
    seen, read = weak_kernels.fractured(
        accesses.read_first,
        accesses.read_key,
        accesses.read_writer,
        accesses.write_first,
        accesses.write_key,
        accesses.sequence,
        accesses.begins,
        accesses.leads if session else np.zeros_like(accesses.leads),
        accesses.keys,
    )
    return forced_by_reads(accesses, seen, read)


_FORCED: dict[str, Callable[[Accesses, bool], Forced]] = {
    _RC: lambda accesses, session: no_forced(),
    _MAV: _monotonic,
    _RA: _atomic,
}


def _all(accesses: Accesses, order: tuple[Ints, Ints] | None) -> tuple[list[_Found], list[Doubt]]:
    """The cycles of every level in both forms, and which levels were not decided."""
    found = [_found(_graph(accesses, level, session)) for session in (False, True) for level in (_RC, _MAV, _RA)]
    if order is None:
        return found, []
    forced = causal_edges(accesses, *order)
    if forced is None:
        return found, [_undecided(_CC)]
    with_sessions = _found(_graph(accesses, _CC, True, forced))
    plain, complete = plain_causal_edges(accesses, order[0], with_sessions.components, forced)
    without = _found(_graph(accesses, _CC, False, plain))
    return [*found, without, with_sessions], [] if complete else [_undecided(_CC)]


def _found(graph: Graph) -> _Found:
    return _Found(graph, components(graph))


def _undecided(level: str) -> Doubt:
    sentence = f"whether {level} holds was not decided within the budget: too many transactions hang together"
    return Doubt("budget", sentence, (Level(level),))


def _told(one: _Found, found: list[_Found]) -> Anomaly | None:
    """The anomaly of those components that contain no cycle of a weaker name, if there are any."""
    rank, graph = list(WEAK_LEVELS).index, one.graph
    covered = np.zeros(len(graph.previous), dtype=np.bool_)
    for other, cyclic in found:
        if other is not graph and other.session <= graph.session and rank(other.level) <= rank(graph.level):
            covered[cyclic.rows] = True
    own = _uncovered(one.components, covered)
    if not len(own.rows):
        return None
    return cycle_anomaly(WEAK_LEVELS[graph.level] + ("-process" if graph.session else ""), graph, own)


def _uncovered(these: Components, covered: Bools) -> Components:
    """The components without a covered row."""
    taken = np.unique(these.number[covered[these.rows]])
    kept = ~np.isin(these.number, taken)
    rows = these.rows[kept]
    inside = np.isin(these.before, rows)
    return Components(rows, these.number[kept], these.before[inside], these.after[inside])
