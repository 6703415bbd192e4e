"""The names of cycles that a history holds whichever way round its undecided versions were written.

Edges are taken in by what they demand, the least first; a cycle that is found with edges of a demand is called by at
least that demand. Most histories have no cycle with all edges together, so that one gate is all they cost.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from checkers.catalogue import CLASSES, SUFFIXES
from checkers.compiling import compile_kernels
from checkers.graphs import kernels
from checkers.graphs.cycles import Cycle, CycleName, find_cycles
from checkers.graphs.graph import residue
from checkers.joins import Ints
from checkers.versions.dependencies import Dependencies
from checkers.versions.observations import VersionHistory

__all__ = ["NamedCycles", "named_cycles"]

_CLASSES = (CLASSES.index("G0"), CLASSES.index("G-single"))
_KINDS = (0, 1)
_COMPILE_ABOVE_EDGES = 4_000  # Each is looked at a hundred times, by class, suffix, kind and demand.


class NamedCycles(NamedTuple):
    """The cycles, each under the name that holds; components in all; components whose class is only bounded."""

    cycles: tuple[Cycle, ...]
    components: int
    undecided: int


def named_cycles(seen: VersionHistory, found: Dependencies) -> NamedCycles:
    """Names from the smallest demand to the largest; one that an earlier one covers is not repeated."""
    component = _components(seen, found)
    included = component >= 0
    if not bool(included.any()):
        return NamedCycles((), 0, 0)
    cycles: list[Cycle] = []
    names: list[CycleName] = []
    source, target = component[found.edges.source], component[found.edges.target]
    inside = (source >= 0) & (source == target)
    components = undecided = 0
    used: list[tuple[CycleName, int]] = []
    for demand in _demands():
        usable = inside & found.demand.within(demand)
        size = int(usable.sum())
        if any(of == size and less.covers(demand) for less, of in used):
            continue  # The same edges as with less: the same names.
        if any(one.covers(demand) for one in names):
            continue  # Every name that these edges give is covered.
        used.append((demand, size))
        rest = residue(seen.history, included, found.edges.of(usable))
        search = find_cycles(seen.history, rest, wanted=partial(_is_new, demand=demand, names=names))
        components = max(components, search.components)
        undecided = max(undecided, search.undecided)
        cycles += [Cycle(_raised(one.name, demand), one.count, one.links) for one in search.cycles]
    smallest = [
        one for one in cycles if not any(two.name != one.name and two.name.covers(one.name) for two in cycles)
    ]
    return NamedCycles(tuple(smallest), components, undecided)


def _raised(name: CycleName, demand: CycleName) -> CycleName:
    return CycleName(*map(max, name, demand))


def _is_new(name: CycleName, *, demand: CycleName, names: list[CycleName]) -> bool:
    """Whether no name before covers this one; it is added then."""
    raised = _raised(name, demand)
    if any(other.covers(raised) for other in names):
        return False
    names.append(raised)
    return True


def _components(seen: VersionHistory, found: Dependencies) -> Ints:
    """(n,) the component of each row by all edges and all orders together, -1 where it is on no cycle at all."""
    whole = residue(seen.history, seen.included, found.edges)
    component = np.full(len(seen.history), -1, dtype=np.int64)
    if len(whole.rows):
        edges = whole.edges
        if len(edges) > _COMPILE_ABOVE_EDGES:
            compile_kernels(kernels)
        number = kernels.tarjan(whole.first_edge, edges.target, np.ones(len(edges), dtype=bool))
        cyclic = np.bincount(number)[number[: len(whole.rows)]] > 1
        component[whole.rows[cyclic]] = number[: len(whole.rows)][cyclic]
    return component


def _demands() -> list[CycleName]:
    return [
        CycleName(class_, suffix, kind)
        for suffix in range(len(SUFFIXES))
        for class_ in _CLASSES
        for kind in _KINDS
        if kind == 0 or class_ > 0
    ]
