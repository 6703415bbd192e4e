"""Which cycles a residue holds, by name, with the smallest one of each name as a witness.

A name stands for (class, suffix, kind): classes and suffixes as in the catalogue, kind "item" or "predicate".
A component reports the smallest triples, in the product order, of which it holds a closed walk (see
`report_names`). Every class but one is decided in linear time; only to tell G-single from G-nonadjacent takes a
search per anti-dependency, within a budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, permutations, product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from checkers import kernels
from checkers.catalogue import CLASSES, SUFFIXES
from checkers.compiling import compile_kernels
from checkers.graph import KIND_NAMES, REALTIME, RW, RW_PREDICATE, SESSION, WR, WW, Edges, Residue
from checkers.observations import expand
from harness.history import History, Status

__all__ = ["Cycle", "CycleName", "CycleSearch", "Link", "find_cycles"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_G0, _G1C, _G_SINGLE, _G_NONADJACENT, _G2 = range(len(CLASSES))
_NONE = len(CLASSES)
_PLAIN, _PROCESS, _REALTIME = range(len(SUFFIXES))
_ITEM, _PREDICATE = range(2)
_KINDS = len(KIND_NAMES)
_BUDGET = 200_000_000
# A small history with one large component can mean more work than a large one without any.
_COMPILE_ABOVE_WORK = 3_000_000
_ORDER_BUDGET = 1_000_000
_ORDERS_MAX = 720


class CycleName(NamedTuple):
    """(class, suffix, kind), each a number whose order is the strength of the demand."""

    class_: int
    suffix: int
    kind: int

    def __str__(self) -> str:
        item = "-item" if self.class_ >= _G_SINGLE and self.kind == _ITEM else ""
        return CLASSES[self.class_] + item + SUFFIXES[self.suffix]

    def covers(self, other: CycleName) -> bool:
        """Whether a walk of this name is one of the other's too."""
        return self.class_ <= other.class_ and self.suffix <= other.suffix and self.kind <= other.kind


class Link(NamedTuple):
    """One edge of a witness, between rows of the history."""

    source: int
    target: int
    kind: int
    mark: int


@dataclass(frozen=True)
class Cycle:
    """A name, in how many components it was found, and its smallest cycle."""

    name: CycleName
    count: int
    links: tuple[Link, ...]


@dataclass
class CycleSearch:
    """The cycles found, and what the budget did not allow: sentences for `Doubt`s and stats."""

    cycles: list[Cycle] = field(default_factory=list)
    components: int = 0
    undecided: int = 0


def find_cycles(
    history: History,
    residue: Residue,
    *,
    open_orders: Sequence[tuple[int, Ints]] = (),
    budget: int = _BUDGET,
) -> CycleSearch:
    """All names that the residue's components report, each with a smallest cycle.

    `open_orders` are (key number, rows) whose ww order no read decides: a name counts iff every order gives it.
    """
    search = CycleSearch()
    if not len(residue.rows):
        return search
    kinds = (_ITEM, _PREDICATE) if bool((residue.edges.kind == RW_PREDICATE).any()) else (_ITEM,)
    below: list[tuple[CycleName, Ints]] = []  # Every triple decided so far, and the nodes of its components.
    for suffix in range(len(SUFFIXES)):
        component = _components(residue, _mask(_within_suffix(suffix, RW_PREDICATE)))
        sizes = np.bincount(component[: len(residue.rows)], minlength=int(component.max()) + 1)
        if suffix == _PLAIN:
            search.components = int((sizes > 1).sum())
        if not bool((sizes > 1).any()):
            continue
        found: dict[CycleName, Ints] = {}
        ordered: dict[tuple[int, int], Residue] = {}
        for kind in kinds:
            best, cut_short = _best_classes(residue, component, suffix, kind, budget)
            search.undecided += cut_short
            search.undecided += _under_every_order(residue, component, (suffix, kind), best, open_orders, ordered)
            for class_ in range(_NONE):
                where = np.flatnonzero((best == class_) & (sizes > 1))
                if len(where):
                    found[CycleName(class_, suffix, kind)] = where
        for name, where in found.items():
            kept = _minimal(name, where, component, found, below)
            if len(kept):
                certain = np.array([one for one in kept if (one, name.kind) not in ordered], dtype=np.int64)
                if len(certain):
                    links = _witness(history, residue, component, name, certain, budget)
                else:
                    part = ordered[int(kept[0]), name.kind]
                    nowhere = np.zeros(len(part.passing), dtype=np.int64)
                    links = _witness(history, part, nowhere, name, np.zeros(1, dtype=np.int64), budget)
                search.cycles.append(Cycle(name, len(kept), links))
        below += [(name, np.flatnonzero(np.isin(component, where))) for name, where in found.items()]
    return search


def _minimal(
    name: CycleName,
    where: Ints,
    component: Ints,
    found: dict[CycleName, Ints],
    below: list[tuple[CycleName, Ints]],
) -> Ints:
    """The components of `where` in which no smaller triple holds."""
    smaller = [one for other, one in found.items() if other != name and other.covers(name)]
    smaller += [component[nodes] for other, nodes in below if other.covers(name)]
    return np.setdiff1d(where, np.concatenate(smaller)) if smaller else where


def _within_suffix(suffix: int, strongest_data_kind: int) -> tuple[int, ...]:
    order = ((), (SESSION,), (SESSION, REALTIME))[suffix]
    return (*range(strongest_data_kind + 1), *order)


def _mask(kinds: tuple[int, ...]) -> Bools:
    mask = np.zeros(_KINDS, dtype=bool)
    mask[list(kinds)] = True
    return mask


def _components(residue: Residue, allowed: Bools, within: Ints | None = None) -> Ints:
    """Component numbers of all nodes (nodes,), by edges of the allowed kinds that stay `within` a component."""
    edges = residue.edges
    usable = allowed[edges.kind]
    if within is not None:
        usable &= within[edges.source] == within[edges.target]
    return kernels.tarjan(residue.first_edge, edges.target, usable)


def _cyclic_nodes(component: Ints) -> Ints:
    return np.flatnonzero(np.bincount(component)[component] > 1)


def _best_classes(residue: Residue, component: Ints, suffix: int, kind: int, budget: int) -> tuple[Ints, int]:
    """For each component the smallest class that holds in it, and how many could not be told for certain."""
    best = np.full(int(component.max()) + 1, _NONE, dtype=np.int64)
    rw = RW if kind == _ITEM else RW_PREDICATE
    best[component[_cyclic_nodes(_components(residue, _mask(_within_suffix(suffix, rw)), component))]] = _G2
    walks = _nonadjacent_nodes(residue, component, suffix, rw)
    best[component[walks]] = _G_NONADJACENT
    for class_, data in ((_G1C, WR), (_G0, WW)):
        dependencies = _components(residue, _mask(_within_suffix(suffix, data)), component)
        best[component[_cyclic_nodes(dependencies)]] = class_
    left = np.zeros(len(component), dtype=bool)
    left[walks] = best[component[walks]] == _G_NONADJACENT
    single, cut_short = _single(residue, component, left, suffix, rw, budget)
    best[single] = _G_SINGLE
    return best, cut_short


def _under_every_order(
    residue: Residue,
    component: Ints,
    demand: tuple[int, int],
    best: Ints,
    open_orders: Sequence[tuple[int, Ints]],
    ordered: dict[tuple[int, int], Residue],
) -> int:
    """Lower `best` where every order of the unseen appends gives a smaller class; how many are left undecided.

    Orders of writers in different components never matter: the one that follows the components adds no cycle.
    `ordered` gets, for a (component, kind) so lowered, its part of the residue under one of the orders.
    """
    suffix, kind = demand
    groups: dict[int, list[tuple[int, Ints]]] = {}
    for key, rows in open_orders:
        nodes = residue.nodes_of(rows[np.isin(rows, residue.rows)])
        for one in np.unique(component[nodes]):
            members = nodes[component[nodes] == one]
            if len(members) > 1 and _G0 < best[one] < _NONE:
                groups.setdefault(int(one), []).append((key, members))
    undecided = 0
    for one, writers in groups.items():
        class_, first = _G0, None
        for tried, order in enumerate(product(*(permutations(members.tolist()) for _, members in writers))):
            part = _ordered_part(residue, component, one, [key for key, _ in writers], order)
            nowhere = np.zeros(len(part.passing), dtype=np.int64)
            class_ = max(class_, int(_best_classes(part, nowhere, suffix, kind, _ORDER_BUDGET)[0][0]))
            first = first or part
            if class_ >= best[one] or tried >= _ORDERS_MAX:
                break
        else:
            best[one] = class_
            assert first is not None
            ordered[one, kind] = first
            continue
        undecided += int(class_ < best[one])
    return undecided


def _ordered_part(
    residue: Residue, component: Ints, one: int, keys: Sequence[int], order: Sequence[Sequence[int]]
) -> Residue:
    """One component as a residue of its own, with ww edges along an order; marks of those are -2 - key number."""
    nodes = np.flatnonzero(component == one)
    inside = residue.edges.of((component[residue.edges.source] == one) & (component[residue.edges.target] == one))
    pairs = [(u, v, -2 - key) for key, line in zip(keys, order, strict=True) for u, v in pairwise(line)]
    added = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    edges = Edges(
        source=np.searchsorted(nodes, np.concatenate((inside.source, added[:, 0]))),
        target=np.searchsorted(nodes, np.concatenate((inside.target, added[:, 1]))),
        kind=np.concatenate((inside.kind, np.full(len(added), WW))),
        mark=np.concatenate((inside.mark, added[:, 2])),
    )
    rows = residue.rows[nodes[nodes < len(residue.rows)]]
    return Residue.of(rows, residue.passing[nodes], edges)


def _nonadjacent_nodes(residue: Residue, component: Ints, suffix: int, rw: int) -> Ints:
    """Nodes on a closed walk without two rw in a row: components over (node, whether the last edge was an rw)."""
    edges = residue.edges
    inside = component[edges.source] == component[edges.target]
    plain = inside & _mask(_within_suffix(suffix, WR))[edges.kind]
    anti = inside & (edges.kind >= RW) & (edges.kind <= rw)
    source = np.concatenate((2 * edges.source[plain], 2 * edges.source[plain] + 1, 2 * edges.source[anti]))
    target = np.concatenate((2 * edges.target[plain], 2 * edges.target[plain], 2 * edges.target[anti] + 1))
    order = np.lexsort((target, source))
    first_edge = np.searchsorted(source[order], np.arange(2 * len(component) + 1))
    states = kernels.tarjan(first_edge, target[order], np.ones(len(order), dtype=bool))
    return np.unique(_cyclic_nodes(states) >> 1)


def _single(
    residue: Residue, component: Ints, candidates: Bools, suffix: int, rw: int, budget: int
) -> tuple[Ints, int]:
    """The components with a cycle of exactly one rw, among those of the candidate nodes."""
    edges = residue.edges
    start = np.flatnonzero(
        (edges.kind >= RW)
        & (edges.kind <= rw)
        & candidates[edges.source]
        & candidates[edges.target]
        & (component[edges.source] == component[edges.target])
    )
    groups, group = np.unique(component[edges.source[start]], return_inverse=True)
    best = np.full(len(groups), -1, dtype=np.int64)
    allowed = _mask(_within_suffix(suffix, WR))
    _, left = _ways_back(residue, component, start, group, allowed, adjacent=True, best=best, budget=budget)
    return groups[best >= 0], int((best < 0).sum()) if left < 0 else 0


def _ways_back(
    residue: Residue,
    component: Ints,
    start: Ints,
    group: Ints,
    allowed: Bools,
    *,
    adjacent: bool,
    best: Ints,
    budget: int,
) -> tuple[Ints, int]:
    """`kernels.shortest_returns` on the residue, with the edges that leave a component taken as forbidden."""
    edges = residue.edges
    leaves = component[edges.source] != component[edges.target]
    if len(start) * len(edges) > _COMPILE_ABOVE_WORK:
        compile_kernels(kernels)
    return kernels.shortest_returns(
        residue.first_edge,
        edges.target,
        np.where(leaves, _KINDS, edges.kind),
        residue.passing,
        edges.source[start],
        edges.target[start],
        group,
        np.append(_mask((RW, RW_PREDICATE)), False),
        np.append(allowed, False),
        adjacent,
        best,
        budget,
    )


def _witness(
    history: History, residue: Residue, component: Ints, name: CycleName, where: Ints, budget: int
) -> tuple[Link, ...]:
    """A shortest cycle of this name in the components `where`; of pairs the one first in (kinds, rows)."""
    pair = _shortest_pair(history, residue, component, name, where)
    if pair:
        return pair
    edges = residue.edges
    rw = RW if name.kind == _ITEM else RW_PREDICATE
    needed = {_G0: (WW, WW), _G1C: (WR, WR)}.get(name.class_, (RW, rw))
    start = np.flatnonzero(
        (edges.kind >= needed[0])
        & (edges.kind <= needed[1])
        & np.isin(component[edges.source], where)
        & (component[edges.source] == component[edges.target])
    )
    data = {_G0: WW, _G1C: WR, _G_SINGLE: WR}.get(name.class_, rw)
    allowed = _within_suffix(name.suffix, data)
    way, _ = _ways_back(
        residue,
        component,
        start,
        np.zeros(len(start), dtype=np.int64),
        _mask(allowed),
        adjacent=name.class_ != _G_NONADJACENT,
        best=np.full(1, -1, dtype=np.int64),
        budget=budget,
    )
    rows = [int(residue.rows[node]) for node in way if not residue.passing[node]]
    # The way leads from the start edge's target back to its source; the start edge itself closes the cycle.
    allowed = _within_suffix(name.suffix, max(data, needed[1]))
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
    class_ = np.select([anti == 2, anti == 1, (kinds == WR).any(axis=0)], [_G2, _G_SINGLE, _G1C], _G0)
    suffix = np.select([order == REALTIME, order == SESSION], [_REALTIME, _PROCESS], _PLAIN)
    kind = np.where((kinds == RW_PREDICATE).any(axis=0), _PREDICATE, _ITEM)
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
