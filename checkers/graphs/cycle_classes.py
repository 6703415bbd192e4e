"""Which class of cycle each component of a residue holds.

Every class but one is decided in linear time; only to tell G-single from G-nonadjacent takes a search per
anti-dependency, within a budget. A search stays between the ends of its anti-dependency in an order of the
dependencies, so that in a history that is nearly correct it is short.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from checkers.catalogue import CLASSES, SUFFIXES
from checkers.compiling import compile_kernels
from checkers.graphs import kernels
from checkers.graphs.graph import KIND_NAMES, REALTIME, RW, RW_PREDICATE, SESSION, WR, WW, Residue

__all__ = [
    "G0",
    "G1C",
    "G2",
    "G_NONADJACENT",
    "G_SINGLE",
    "ITEM",
    "NONE",
    "PREDICATE",
    "Classes",
    "CycleName",
    "Return",
    "best_classes",
    "component_numbers",
    "mask",
    "positions",
    "states",
    "ways_back",
    "within_suffix",
]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

G0, G1C, G_SINGLE, G_NONADJACENT, G2 = range(len(CLASSES))
NONE = len(CLASSES)
ITEM, PREDICATE = range(2)
_KINDS = len(KIND_NAMES)
# A small history with one large component can mean more work than a large one without any.
_COMPILE_ABOVE_WORK = 3_000_000


class CycleName(NamedTuple):
    """(class, suffix, kind), each a number whose order is the strength of the demand."""

    class_: int
    suffix: int
    kind: int

    def __str__(self) -> str:
        item = "-item" if self.class_ >= G_SINGLE and self.kind == ITEM else ""
        return CLASSES[self.class_] + item + SUFFIXES[self.suffix]

    def covers(self, other: CycleName) -> bool:
        """Whether a walk of this name is one of the other's too."""
        return self.class_ <= other.class_ and self.suffix <= other.suffix and self.kind <= other.kind


class Classes(NamedTuple):
    """For each component the smallest class that holds in it, and whether G-single was not fully searched for.

    `single` are rw edges, one of a G-single cycle for each component of that class.
    """

    best: Ints
    undecided: Bools
    single: Ints


class Return(NamedTuple):
    """The nodes of the shortest way back, passing ones included, and what is left of the budget."""

    way: Ints
    left: int


def within_suffix(suffix: int, strongest_data_kind: int) -> tuple[int, ...]:
    """The kinds of edges up to a kind of dependency, and those of session and real time that the suffix allows."""
    order = ((), (SESSION,), (SESSION, REALTIME))[suffix]
    return (*range(strongest_data_kind + 1), *order)


def mask(kinds: tuple[int, ...]) -> Bools:
    """(kinds,) true for these."""
    those = np.zeros(_KINDS, dtype=bool)
    those[list(kinds)] = True
    return those


def component_numbers(residue: Residue, allowed: Bools, within: Ints | None = None) -> Ints:
    """Component numbers of all nodes (nodes,), by edges of the allowed kinds that stay `within` a component."""
    edges = residue.edges
    usable = allowed[edges.kind]
    if within is not None:
        usable &= within[edges.source] == within[edges.target]
    found: Ints = kernels.tarjan(residue.first_edge, edges.target, usable)
    return found


def _cyclic_nodes(component: Ints) -> Ints:
    return np.flatnonzero(np.bincount(component)[component] > 1)


def best_classes(residue: Residue, component: Ints, suffix: int, kind: int, budget: int) -> Classes:
    """The smallest class of each component, by edges of this suffix and kind that stay in it.

    `component` (nodes,) are the strongly connected ones by edges of this suffix and of all kinds.
    """
    best = np.full(int(component.max()) + 1, NONE, dtype=np.int64)
    rw = RW if kind == ITEM else RW_PREDICATE
    everything = component
    if kind == ITEM and bool((residue.edges.kind == RW_PREDICATE).any()):
        everything = component_numbers(residue, mask(within_suffix(suffix, rw)), component)
    best[component[_cyclic_nodes(everything)]] = G2
    walks = np.unique(_cyclic_nodes(states(residue, component, suffix, rw)) >> 1)
    best[component[walks]] = G_NONADJACENT
    dependencies = component_numbers(residue, mask(within_suffix(suffix, WR)), component)
    circular = _cyclic_nodes(dependencies)
    if len(circular):
        best[component[circular]] = G1C
        best[component[_cyclic_nodes(component_numbers(residue, mask(within_suffix(suffix, WW)), component))]] = G0
    left = np.zeros(len(component), dtype=bool)
    left[walks] = best[component[walks]] == G_NONADJACENT
    return _single(residue, component, best, left, suffix, rw, positions(dependencies), budget)


def positions(dependencies: Ints) -> Ints:
    """(nodes,) numbers that rise along every dependency between different components of dependencies."""
    # Tarjan's numbers come in reverse topological order.
    return -dependencies


def states(residue: Residue, component: Ints, suffix: int, rw: int) -> Ints:
    """(2 nodes,) component numbers of (node, whether the last edge was an rw) by walks without two rw in a row.

    State 2 v is node v after another edge, 2 v + 1 after an rw: a closed walk of that class is a cycle of states.
    """
    edges = residue.edges
    inside = component[edges.source] == component[edges.target]
    plain = inside & mask(within_suffix(suffix, WR))[edges.kind]
    anti = inside & (edges.kind >= RW) & (edges.kind <= rw)
    source = np.concatenate((2 * edges.source[plain], 2 * edges.source[plain] + 1, 2 * edges.source[anti]))
    target = np.concatenate((2 * edges.target[plain], 2 * edges.target[plain], 2 * edges.target[anti] + 1))
    order = np.argsort(source, kind="stable")
    first_edge = np.searchsorted(source[order], np.arange(2 * len(component) + 1))
    found: Ints = kernels.tarjan(first_edge, target[order], np.ones(len(order), dtype=bool))
    return found


def _single(
    residue: Residue,
    component: Ints,
    best: Ints,
    candidates: Bools,
    suffix: int,
    rw: int,
    position: Ints,
    budget: int,
) -> Classes:
    """`best` with the components among those of the candidate nodes that have a cycle of exactly one rw."""
    edges = residue.edges
    start = np.flatnonzero(
        (edges.kind >= RW)
        & (edges.kind <= rw)
        & candidates[edges.source]
        & candidates[edges.target]
        & (component[edges.source] == component[edges.target])
        & (position[edges.source] > position[edges.target])
    )
    if not len(start):
        return Classes(best, np.zeros(len(best), dtype=bool), start)
    groups, group = np.unique(component[edges.source[start]], return_inverse=True)
    found = np.full(len(groups), -1, dtype=np.int64)
    allowed = mask(within_suffix(suffix, WR))
    search = ways_back(
        residue, component, start, group, allowed, adjacent=True, position=position, best=found, budget=budget
    )
    best[groups[found >= 0]] = G_SINGLE
    undecided = np.zeros(len(best), dtype=bool)
    undecided[groups[found < 0]] = search.left < 0
    return Classes(best, undecided, start[found[found >= 0]])


def ways_back(
    residue: Residue,
    component: Ints,
    start: Ints,
    group: Ints,
    allowed: Bools,
    *,
    adjacent: bool,
    position: Ints | None = None,
    best: Ints,
    budget: int,
) -> Return:
    """`kernels.shortest_returns` on the residue, with the edges that leave a component taken as forbidden."""
    edges = residue.edges
    leaves = component[edges.source] != component[edges.target]
    if len(start) * len(edges) > _COMPILE_ABOVE_WORK:
        compile_kernels(kernels)
    way, left = kernels.shortest_returns(
        residue.first_edge,
        edges.target,
        np.where(leaves, _KINDS, edges.kind),
        residue.passing,
        edges.source[start],
        edges.target[start],
        group,
        np.append(mask((RW, RW_PREDICATE)), False),
        np.append(allowed, False),
        adjacent,
        np.zeros(len(component), dtype=np.int64) if position is None else position,
        best,
        budget,
    )
    return Return(way, left)
