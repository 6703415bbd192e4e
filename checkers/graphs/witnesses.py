"""A smallest cycle of a given name, as the witness of an anomaly.

Of pairs of transactions the one first in (kinds, rows) is taken, else a shortest cycle. The search for the shortest
has a budget; a way back once found is kept, so that there is always a witness, if not always the shortest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from checkers.graphs.cycle_classes import (
    G0,
    G1C,
    G2,
    G_NONADJACENT,
    G_SINGLE,
    ITEM,
    PREDICATE,
    CycleName,
    component_numbers,
    mask,
    positions,
    states,
    ways_back,
    within_suffix,
)
from checkers.graphs.graph import KIND_NAMES, REALTIME, RW, RW_PREDICATE, SESSION, WR, WW, Residue
from checkers.joins import expand
from harness.history import History, Status

__all__ = ["Link", "witness_of"]

Ints = npt.NDArray[np.int64]

_PLAIN, _PROCESS, _REALTIME = range(3)
_KINDS = len(KIND_NAMES)


class Link(NamedTuple):
    """One edge of a witness, between rows of the history."""

    source: int
    target: int
    kind: int
    mark: int


def witness_of(
    history: History,
    residue: Residue,
    component: Ints,
    name: CycleName,
    where: Ints,
    budget: int,
    known: Ints,
) -> tuple[Link, ...]:
    """A shortest cycle of this name in the components `where`.

    `known` are rw edges of which each lies on a G-single cycle: they are tried first, so that a spent budget leaves
    a witness of that class too.
    """
    pair = _shortest_pair(history, residue, component, name, where)
    if pair:
        return pair
    rw = RW if name.kind == ITEM else RW_PREDICATE
    data = {G0: WW, G1C: WR, G_SINGLE: WR}.get(name.class_, rw)
    allowed = mask(within_suffix(name.suffix, data))
    joined = component_numbers(residue, allowed, component)
    start = _start_edges(residue, component, joined, name, where)
    position = None
    if name.class_ == G_SINGLE:
        # Dependencies have no cycle here: each way back lies between the ends of its start edge in their order.
        position = positions(joined)
        start = np.concatenate((np.intersect1d(start, known), np.setdiff1d(start, known)))
    search = ways_back(
        residue,
        component if name.class_ == G_SINGLE else joined,
        start,
        np.zeros(len(start), dtype=np.int64),
        allowed,
        adjacent=name.class_ != G_NONADJACENT,
        position=position,
        best=np.full(1, -1, dtype=np.int64),
        # Whatever is left, one search goes to its end.
        budget=budget + 2 * len(residue.edges),
    )
    return _links_along(
        history, residue, search.way, within_suffix(name.suffix, data if name.class_ < G_SINGLE else rw)
    )


def _start_edges(residue: Residue, component: Ints, joined: Ints, name: CycleName, where: Ints) -> Ints:
    """The edges of the kind that makes the class, in the components `where`; all but G-single's have a way back."""
    edges = residue.edges
    rw = RW if name.kind == ITEM else RW_PREDICATE
    first, last = {G0: (WW, WW), G1C: (WR, WR)}.get(name.class_, (RW, rw))
    chosen = (edges.kind >= first) & (edges.kind <= last) & np.isin(component[edges.source], where)
    chosen &= component[edges.source] == component[edges.target]
    if name.class_ == G_SINGLE:
        chosen &= positions(joined)[edges.source] > positions(joined)[edges.target]
    elif name.class_ == G_NONADJACENT:
        walks = states(residue, component, name.suffix, rw)
        chosen &= walks[2 * edges.source] == walks[2 * edges.target + 1]
    else:
        chosen &= joined[edges.source] == joined[edges.target]
    return np.flatnonzero(chosen)


def _links_along(history: History, residue: Residue, way: Ints, allowed: tuple[int, ...]) -> tuple[Link, ...]:
    """The cycle of a way from the start edge's target back to its source; the start edge itself closes it."""
    rows = residue.rows[way[~residue.passing[way]]].tolist()
    return tuple(
        _cheapest_link(history, residue, source, target, allowed)
        for source, target in zip(rows, rows[1:] + rows[:1], strict=True)
    )


_CHEAPNESS = (WW, WR, SESSION, REALTIME, RW, RW_PREDICATE)


def _cheapest_link(history: History, residue: Residue, source: int, target: int, allowed: tuple[int, ...]) -> Link:
    """The edge between two rows that demands least; dependencies and order before anti-dependencies."""
    u, v = residue.nodes_of(np.array([source, target]))
    first, last = residue.first_edge[u], residue.first_edge[u + 1]
    marks = {
        int(kind): int(mark)
        for node, kind, mark in zip(
            residue.edges.target[first:last][::-1],
            residue.edges.kind[first:last][::-1],
            residue.edges.mark[first:last][::-1],
            strict=True,
        )
        if node == v
    }
    if history.status[source] == Status.OK:
        if history.client[source] == history.client[target] and source < target:
            marks.setdefault(SESSION, -1)
        if history.end[source] < history.start[target]:
            marks.setdefault(REALTIME, -1)
    kind = next(kind for kind in _CHEAPNESS if kind in marks and kind in allowed)
    return Link(source, target, kind, marks[kind])


def _shortest_pair(
    history: History, residue: Residue, component: Ints, name: CycleName, where: Ints
) -> tuple[Link, ...]:
    """The cycle of two transactions with this name that comes first by (kinds, rows), or nothing."""
    edges = residue.edges
    data = np.flatnonzero(
        (edges.kind <= RW_PREDICATE)
        & np.isin(component[edges.source], where)
        & (component[edges.source] == component[edges.target])
    )
    forth, back, order = _returning_pairs(history, residue, data)
    back_kind = np.where(order >= 0, order, edges.kind[back])
    kinds = np.stack((edges.kind[forth], back_kind))
    anti = ((kinds == RW) | (kinds == RW_PREDICATE)).sum(axis=0)
    class_ = np.select([anti == 2, anti == 1, (kinds == WR).any(axis=0)], [G2, G_SINGLE, G1C], G0)
    suffix = np.select([order == REALTIME, order == SESSION], [_REALTIME, _PROCESS], _PLAIN)
    kind = np.where((kinds == RW_PREDICATE).any(axis=0), PREDICATE, ITEM)
    named = np.flatnonzero((class_ == name.class_) & (suffix == name.suffix) & (kind == name.kind))
    if not len(named):
        return ()
    spelled = np.array([sorted(set(KIND_NAMES)).index(one) for one in KIND_NAMES])[kinds[:, named]]
    ends = np.stack((edges.source[forth[named]], edges.target[forth[named]]))
    rank = (ends[0], ends.max(axis=0), ends.min(axis=0), spelled.max(axis=0), spelled.min(axis=0))
    chosen = named[np.lexsort(rank)[0]]
    one, two = int(forth[chosen]), int(back[chosen])
    u, v = int(residue.rows[edges.source[one]]), int(residue.rows[edges.target[one]])
    returning = int(order[chosen])
    return (
        Link(u, v, int(edges.kind[one]), int(edges.mark[one])),
        Link(v, u, returning, -1) if returning >= 0 else Link(v, u, int(edges.kind[two]), int(edges.mark[two])),
    )


def _returning_pairs(history: History, residue: Residue, data: Ints) -> tuple[Ints, Ints, Ints]:
    """Edges u→v with a way back in one step: (edge, edge back, -1) or (edge, the same edge, order kind)."""
    edges = residue.edges
    source, target = edges.source[data], edges.target[data]
    # Of parallel edges of one kind the first stands for all.
    _, first = np.unique((source * len(residue.rows) + target) * _KINDS + edges.kind[data], return_index=True)
    data, source, target = data[first], source[first], target[first]
    code = source * len(residue.rows) + target
    order = np.argsort(code, kind="stable")
    low = np.searchsorted(code[order], target * len(residue.rows) + source, side="left")
    high = np.searchsorted(code[order], target * len(residue.rows) + source, side="right")
    sizes = np.where(source < target, high - low, 0)
    forth = np.repeat(data, sizes)
    back = data[order[expand(low, sizes)]]
    u, v = residue.rows[source], residue.rows[target]
    ok = history.status[v] == Status.OK
    session = data[ok & (history.client[u] == history.client[v]) & (v < u)]
    realtime = data[ok & (history.end[v] < history.start[u])]
    return (
        np.concatenate((forth, session, realtime)),
        np.concatenate((back, session, realtime)),
        np.concatenate((np.full(len(forth), -1), np.full(len(session), SESSION), np.full(len(realtime), REALTIME))),
    )
