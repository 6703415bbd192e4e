"""The dependency graph as columns, and the gate: most histories have no cycle at all.

Session order and real time are not stored as edges. The gate takes both from the starts and ends themselves;
only what it leaves over (`Residue`) gets explicit edges, both orders as chains of barriers: a transaction leads to
the barrier of its end, each barrier to the next (of the session, or of all), and the last one before a start
to that transaction. A way through barriers counts as one edge, however many transactions it passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from checkers.compiling import prepare
from checkers.evidence import numbered_clients
from checkers.graphs import kernels
from harness.history import History, Status

__all__ = ["KIND_NAMES", "REALTIME", "RW", "RW_PREDICATE", "SESSION", "WR", "WW", "Edges", "Residue", "residue"]

Ints = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

WW, WR, RW, RW_PREDICATE, SESSION, REALTIME = range(6)
KIND_NAMES: tuple[str, ...] = ("ww", "wr", "rw", "rw", "session", "realtime")


@dataclass(frozen=True, kw_only=True, eq=False)
class Edges:
    """Dependencies between rows (e,), each with its kind and a number that leads back to what shows it."""

    source: Ints
    target: Ints
    kind: Ints
    mark: Ints

    def __len__(self) -> int:
        return len(self.source)

    def of(self, chosen: npt.NDArray[Any]) -> Edges:
        """The edges at these places, or where this mask is true."""
        return Edges(
            source=self.source[chosen], target=self.target[chosen], kind=self.kind[chosen], mark=self.mark[chosen]
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Residue:
    """What is left when everything that lies on no cycle's way has been taken off.

    Nodes 0..r-1 are the `rows` (r,) of the history in ascending order, the others barriers. Edges are sorted by
    source, then kind, then target; `first_edge` (nodes + 1,) says where a node's edges begin.
    """

    rows: Ints
    passing: Bools  # (nodes,) true for barriers
    edges: Edges
    first_edge: Ints

    @classmethod
    def of(cls, rows: Ints, passing: Bools, edges: Edges) -> Residue:
        """A residue of these edges, in whatever order they come."""
        nodes = max(len(passing), 1)
        # One number to sort by, and a sort that takes no time for what is in order already.
        by = (edges.source.astype(np.int64) * len(KIND_NAMES) + edges.kind) * nodes + edges.target
        edges = edges.of(np.argsort(by, kind="stable"))
        first_edge = np.searchsorted(edges.source, np.arange(len(passing) + 1))
        return cls(rows=rows, passing=passing, edges=edges, first_edge=first_edge)

    def nodes_of(self, rows: Ints) -> Ints:
        """The nodes of these rows; every row has to be part of the residue."""
        return np.searchsorted(self.rows, rows)


def residue(history: History, included: Bools, edges: Edges) -> Residue:
    """The rows that lie on a cycle in the strictest order of all (real time), with all edges between them.

    The gate takes off whatever can be first. Where something is left, its components are found: what only comes
    after a cycle is on none. An UNKNOWN transaction may take effect after its end: nothing comes after it by
    session or real time.
    """
    prepare(kernels, max(len(history.op_kind), len(edges) // 2))
    n = len(history)
    leads = included & (history.status == Status.OK)
    before = kernels.predecessors(*numbered_clients(history), included, leads)
    # In a session one transaction ends before the next starts, so real time covers the session but for ties.
    tied = np.flatnonzero(before >= 0)
    tied = tied[history.end[before[tied]] >= history.start[tied]]
    source, target = (column.astype(np.int32, copy=False) for column in (edges.source, edges.target))
    if len(tied):
        source, target = np.append(source, before[tied]), np.append(target, tied.astype(np.int32))
    first_edge, successor, indegree = kernels.adjacency(source, target, n)
    after = kernels.followed_by(history.start, history.end, leads)
    done = ~included
    left = n - int(done.sum()) - kernels.peel(first_edge, successor, indegree, done, after)
    rows = np.empty(0, dtype=np.int64)
    if left:
        component = kernels.strict_components(first_edge, successor, done, after)
        rows = np.flatnonzero(component >= 0)
        rows = rows[np.bincount(component[rows])[component[rows]] > 1]
    return _explicit(history, rows, before, edges)


def _explicit(history: History, rows: Ints, before: Ints, edges: Edges) -> Residue:
    r = len(rows)
    if not r:
        none = np.empty(0, dtype=np.int64)
        return Residue.of(rows, np.empty(0, dtype=bool), Edges(source=none, target=none, kind=none, mark=none))
    node = np.full(len(history), -1, dtype=np.int64)
    node[rows] = np.arange(r)
    kept = edges.of(np.flatnonzero((node[edges.source] >= 0) & (node[edges.target] >= 0)))
    session = _session_chains(history, rows, np.where(before[rows] >= 0, node[before[rows]], -1))
    realtime = _barriers(history, rows, first=r + session.barriers)
    source = np.concatenate((node[kept.source], session.source, realtime.source))
    target = np.concatenate((node[kept.target], session.target, realtime.target))
    order_kinds = np.repeat((SESSION, REALTIME), (len(session.source), len(realtime.source)))
    kind = np.concatenate((kept.kind, order_kinds)).astype(np.int64)
    mark = np.concatenate((kept.mark, np.full(len(order_kinds), -1))).astype(np.int64)
    passing = np.arange(r + session.barriers + realtime.barriers) >= r
    return Residue.of(rows, passing, Edges(source=source, target=target, kind=kind, mark=mark))


class _Chain(NamedTuple):
    """Edges of an order by way of barriers, and how many barriers there are."""

    source: Ints
    target: Ints
    barriers: int


def _session_chains(history: History, rows: Ints, before: Ints) -> _Chain:
    """Session order: one barrier for each OK row, numbered from r; `before` (r,) are nodes."""
    r = len(rows)
    ok = np.flatnonzero(history.status[rows] == Status.OK)
    barrier = np.full(r, -1, dtype=np.int64)
    barrier[ok] = r + np.arange(len(ok))
    after = np.flatnonzero(before >= 0)
    chained = after[barrier[after] >= 0]
    return _Chain(
        np.concatenate((ok, barrier[before[chained]], barrier[before[after]])),
        np.concatenate((barrier[ok], barrier[chained], after)),
        len(ok),
    )


def _barriers(history: History, rows: Ints, *, first: int) -> _Chain:
    """Real time: one barrier for each end of an OK row, numbered from `first` in the order of the ends."""
    ok = np.flatnonzero(history.status[rows] == Status.OK)
    ends, barrier_of = np.unique(history.end[rows[ok]], return_inverse=True)
    last_before = np.searchsorted(ends, history.start[rows], side="left") - 1
    after = np.flatnonzero(last_before >= 0)
    chain = np.arange(max(len(ends) - 1, 0))
    return _Chain(
        np.concatenate((ok, first + chain, first + last_before[after])),
        np.concatenate((first + barrier_of, first + chain + 1, after)),
        len(ends),
    )
