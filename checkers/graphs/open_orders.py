"""Appends that no read shows may have come in any order: does every order give a smaller class of cycle?

    T1  read y = [] · append z 1 · append x 1      Nobody read x. Whichever append to it came first, its
    T2  read z = [] · append y 2 · append x 2      transaction missed what the other appended: no snapshot.

An order adds only ww edges. One that follows the dependencies adds no cycle of them, so G0 and G1c do not depend on
the choice, and writers in different components can always be put in the components' order. What is left is a choice
between two directions for each pair of writers in one component. First the order of their ends is tried; where that
gives a smaller class, a solver looks for directions without a cycle of at most one rw (parallel snapshot isolation)
and without two rw in a row (snapshot isolation), learning from each cycle which directions may not stand together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from checkers.graphs.cycle_classes import G2, G_NONADJACENT, best_classes
from checkers.graphs.graph import WW, Edges, Residue
from checkers.graphs.order_search import WORK_MAX, least_class
from harness.history import History

__all__ = ["Decided", "OpenOrders", "decide_orders"]

Ints = npt.NDArray[np.int64]
OpenOrders = Sequence[tuple[int, npt.NDArray[Any]]]  # (key number, rows whose appends to it no read shows)


@dataclass
class Decided:
    """What the orders change: by component the class that every order has, and a residue under one of them.

    `undecided` are components for which the budget was spent: every order may give a smaller class.
    """

    lowered: dict[int, tuple[int, Residue]] = field(default_factory=dict)
    undecided: list[int] = field(default_factory=list)


def decide_orders(
    history: History, residue: Residue, component: Ints, demand: tuple[int, int], best: Ints, open_orders: OpenOrders
) -> Decided:
    """Which components have a smaller class than `best` under every order of the unseen appends.

    `demand` is (suffix, kind); `best` (components,) are the classes by the edges that are sure.
    """
    decided = Decided()
    groups = _groups(residue, component, best, open_orders)
    if not groups:
        return decided
    ends = np.full(len(residue.passing), np.iinfo(np.int64).max)
    ends[: len(residue.rows)] = history.end[residue.rows]
    chains = [_chain(key, nodes, ends) for writers in groups.values() for key, nodes in writers]
    tried = best_classes(_with(residue, np.concatenate(chains)), component, *demand, WORK_MAX)
    for one, writers in groups.items():
        if tried.best[one] < best[one] or tried.undecided[one]:
            nodes = np.flatnonzero(component == one)
            part = _part(residue, nodes)
            local = [(key, np.searchsorted(nodes, members)) for key, members in writers]
            class_, line = least_class(part, local, ends[nodes], demand, int(best[one]))
            if class_ is None:
                decided.undecided.append(one)
            elif class_ < best[one]:
                chain = np.concatenate([_chain(key, members, line) for key, members in local])
                decided.lowered[one] = class_, _with(part, chain)
    return decided


def _groups(
    residue: Residue, component: Ints, best: Ints, open_orders: OpenOrders
) -> dict[int, list[tuple[int, Ints]]]:
    """By component in which an order may matter: (key, nodes) with two nodes or more."""
    if not open_orders:
        return {}
    rows = np.concatenate([rows for _, rows in open_orders])
    keys = np.repeat([key for key, _ in open_orders], [len(rows) for _, rows in open_orders])
    nodes = np.minimum(np.searchsorted(residue.rows, rows), len(residue.rows) - 1)
    kept = (residue.rows[nodes] == rows) & np.isin(best[component[nodes]], (G_NONADJACENT, G2))
    keys, nodes = keys[kept], nodes[kept]
    if not len(nodes):
        return {}
    order = np.lexsort((nodes, keys, component[nodes]))
    keys, nodes = keys[order], nodes[order]
    starts = np.flatnonzero((np.diff(keys, prepend=-1) != 0) | (np.diff(component[nodes], prepend=-1) != 0))
    groups: dict[int, list[tuple[int, Ints]]] = {}
    for members, key in zip(np.split(nodes, starts[1:]), keys[starts].tolist(), strict=True):
        if len(members) > 1:
            groups.setdefault(int(component[members[0]]), []).append((key, members))
    return groups


def _part(residue: Residue, nodes: Ints) -> Residue:
    """The residue of these nodes alone."""
    inside = np.zeros(len(residue.passing), dtype=bool)
    inside[nodes] = True
    edges = residue.edges.of(np.flatnonzero(inside[residue.edges.source] & inside[residue.edges.target]))
    local = Edges(
        source=np.searchsorted(nodes, edges.source),
        target=np.searchsorted(nodes, edges.target),
        kind=edges.kind,
        mark=edges.mark,
    )
    return Residue.of(residue.rows[nodes[nodes < len(residue.rows)]], residue.passing[nodes], local)


def _chain(key: int, nodes: Ints, position: Ints) -> Ints:
    """(pairs, 3) an edge from each node to the next by position, and the mark that says so: -2 - key number."""
    line = nodes[np.argsort(position[nodes], kind="stable")]
    return np.stack((line[:-1], line[1:], np.full(len(line) - 1, -2 - key)), axis=1)


def _with(residue: Residue, added: Ints) -> Residue:
    """The residue with ww edges (pairs, 3): source, target, mark."""
    edges = residue.edges
    more = Edges(
        source=np.concatenate((edges.source, added[:, 0])),
        target=np.concatenate((edges.target, added[:, 1])),
        kind=np.concatenate((edges.kind, np.full(len(added), WW))),
        mark=np.concatenate((edges.mark, added[:, 2])),
    )
    return Residue.of(residue.rows, residue.passing, more)
