"""Which cycles a residue holds, by name, with the smallest one of each name as a witness.

A name stands for (class, suffix, kind): classes and suffixes as in the catalogue, kind "item" or "predicate".
A component reports the smallest triples, in the product order, of which it holds a closed walk; where the order of
appends is open, of which it holds one under every order. `cycle_classes` decides classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from checkers.catalogue import SUFFIXES
from checkers.graphs.cycle_classes import (
    G2,
    G_NONADJACENT,
    G_SINGLE,
    ITEM,
    NONE,
    PREDICATE,
    CycleName,
    best_classes,
    component_numbers,
    mask,
    within_suffix,
)
from checkers.graphs.graph import RW_PREDICATE, Residue
from checkers.graphs.open_orders import OpenOrders, decide_orders
from checkers.graphs.witnesses import Link, witness_of
from harness.history import History

__all__ = ["Cycle", "CycleName", "CycleSearch", "Link", "Undecided", "find_cycles"]

Ints = npt.NDArray[np.int64]

_BUDGET = 100_000_000


@dataclass(frozen=True)
class Cycle:
    """A name, in how many components it was found, and its smallest cycle."""

    name: CycleName
    count: int
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Undecided:
    """In `count` components `name` was found, and the budget did not tell whether smaller classes hold too."""

    name: CycleName
    count: int

    @property
    def open(self) -> tuple[CycleName, ...]:
        """The names that may hold although they were not found."""
        return tuple(self.name._replace(class_=class_) for class_ in range(G_SINGLE, self.name.class_))


@dataclass
class CycleSearch:
    """The cycles found, and what the budget did not allow."""

    cycles: list[Cycle] = field(default_factory=list)
    components: int = 0
    doubtful: list[Undecided] = field(default_factory=list)

    @property
    def undecided(self) -> int:
        """In how many components a stronger class may hold than was found."""
        return sum(one.count for one in self.doubtful)


@dataclass(frozen=True)
class _Found:
    """A triple by the components of one suffix: those that hold it, under one order where orders are open."""

    where: Ints
    ordered: dict[int, Residue]
    single: Ints


def find_cycles(
    history: History,
    residue: Residue,
    *,
    open_orders: OpenOrders = (),
    budget: int = _BUDGET,
    wanted: Callable[[CycleName], bool] = lambda name: True,
) -> CycleSearch:
    """All names that the residue's components report, each with a smallest cycle.

    `open_orders` are (key number, rows) whose ww order no read decides: a name counts iff every order gives it.
    `budget` is of the edges looked at in each of at most two searches per name; no witness is sought for a name
    that is not `wanted`, which is asked once for each name found.
    """
    search = CycleSearch()
    if not len(residue.rows):
        return search
    below: list[tuple[CycleName, Ints]] = []  # Every triple decided so far, and the nodes of its components.
    for suffix in range(len(SUFFIXES)):
        component = component_numbers(residue, mask(within_suffix(suffix, RW_PREDICATE)))
        sizes = np.bincount(component[: len(residue.rows)], minlength=int(component.max()) + 1)
        if suffix == 0:
            search.components = int((sizes > 1).sum())
        if not bool((sizes > 1).any()) or (suffix and not _in_order(residue, component, suffix)):
            continue
        found = _triples(history, residue, component, suffix, open_orders, budget, search)
        for name, one in found.items():
            kept = _minimal(name, one.where, component, found, below)
            if len(kept) and wanted(name):
                links = _witness(history, residue, component, name, kept, one, budget)
                search.cycles.append(Cycle(name, len(kept), links))
        below += [(name, np.flatnonzero(np.isin(component, one.where))) for name, one in found.items()]
    return search


def _in_order(residue: Residue, component: Ints, suffix: int) -> bool:
    """Whether a component has an edge that smaller suffixes lack: else all that it holds is named without."""
    edges = residue.edges
    ordered = edges.kind == within_suffix(suffix, RW_PREDICATE)[-1]
    return bool((component[edges.source[ordered]] == component[edges.target[ordered]]).any())


def _triples(
    history: History,
    residue: Residue,
    component: Ints,
    suffix: int,
    open_orders: OpenOrders,
    budget: int,
    search: CycleSearch,
) -> dict[CycleName, _Found]:
    """The smallest class of each component by kind; what the budget did not tell goes to `search`."""
    found: dict[CycleName, _Found] = {}
    edges = residue.edges.of(np.flatnonzero(residue.edges.kind == RW_PREDICATE))
    kinds = (ITEM, PREDICATE) if bool((component[edges.source] == component[edges.target]).any()) else (ITEM,)
    for kind in kinds:
        classes = best_classes(residue, component, suffix, kind, budget)
        best = classes.best.copy()
        decided = decide_orders(history, residue, component, (suffix, kind), best, open_orders)
        doubtful = classes.undecided.copy()
        doubtful[decided.undecided] = True
        for one, (class_, _) in decided.lowered.items():
            best[one] = class_
            doubtful[one] = False
        for class_ in (G_NONADJACENT, G2):
            count = int((doubtful & (best == class_)).sum())
            if count:
                search.doubtful.append(Undecided(CycleName(class_, suffix, kind), count))
        for class_ in np.flatnonzero(np.bincount(best, minlength=NONE)[:NONE]).tolist():
            ordered = {one: part for one, (lower, part) in decided.lowered.items() if lower == class_}
            found[CycleName(class_, suffix, kind)] = _Found(np.flatnonzero(best == class_), ordered, classes.single)
    return found


def _minimal(
    name: CycleName,
    where: Ints,
    component: Ints,
    found: dict[CycleName, _Found],
    below: list[tuple[CycleName, Ints]],
) -> Ints:
    """The components of `where` in which no smaller triple holds."""
    smaller = [one.where for other, one in found.items() if other != name and other.covers(name)]
    smaller += [component[nodes] for other, nodes in below if other.covers(name)]
    return np.setdiff1d(where, np.concatenate(smaller)) if smaller else where


def _witness(
    history: History, residue: Residue, component: Ints, name: CycleName, kept: Ints, found: _Found, budget: int
) -> tuple[Link, ...]:
    """A witness by sure edges, or where there is none one under an order, each of which has such a cycle."""
    certain = np.array([one for one in kept.tolist() if one not in found.ordered], dtype=np.int64)
    if len(certain):
        return witness_of(history, residue, component, name, certain, budget, found.single)
    part = found.ordered[int(kept[0])]
    nowhere = np.zeros(len(part.passing), dtype=np.int64)
    single = best_classes(part, nowhere, name.suffix, name.kind, budget).single
    return witness_of(history, part, nowhere, name, np.zeros(1, dtype=np.int64), budget, single)
