"""The names of cycles that a history holds whichever way round its undecided versions were written.

Edges are taken in by what they demand, the least first; a cycle that is found with edges of a demand is called by at
least that demand. Most histories have no cycle with all edges together, so that one gate is all they cost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from checkers.catalogue import CLASSES, SUFFIXES
from checkers.cycles import Cycle, CycleName, find_cycles
from checkers.graph import residue
from checkers.versions.dependencies import Dependencies
from checkers.versions.observations import VersionHistory

__all__ = ["NamedCycles", "named_cycles"]

_CLASSES = (CLASSES.index("G0"), CLASSES.index("G-single"))
_KINDS = (0, 1)


class NamedCycles(NamedTuple):
    """The cycles, each under the name that holds; components in all; components whose class is only bounded."""

    cycles: tuple[Cycle, ...]
    components: int
    undecided: int


def named_cycles(seen: VersionHistory, found: Dependencies) -> NamedCycles:
    """Names from the smallest demand to the largest; one that an earlier one covers is not repeated."""
    whole = residue(seen.history, seen.included, found.edges)
    cycles: list[Cycle] = []
    if not len(whole.rows):
        return NamedCycles((), 0, 0)
    included = np.zeros(len(seen.history), dtype=bool)
    included[whole.rows] = True
    inside = included[found.edges.source] & included[found.edges.target]
    components = undecided = 0
    used: list[tuple[CycleName, int]] = []
    for demand in _demands():
        usable = inside & found.demand.within(demand)
        size = int(usable.sum())
        if any(of == size and less.covers(demand) for less, of in used):
            continue  # The same edges as with less: the same names.
        used.append((demand, size))
        search = find_cycles(seen.history, residue(seen.history, included, found.edges.of(usable)))
        components = max(components, search.components)
        undecided = max(undecided, search.undecided)
        for one in search.cycles:
            name = CycleName(*map(max, one.name, demand))
            if not any(other.name.covers(name) for other in cycles):
                cycles.append(Cycle(name, one.count, one.links))
    smallest = [
        one for one in cycles if not any(two.name != one.name and two.name.covers(one.name) for two in cycles)
    ]
    return NamedCycles(tuple(smallest), components, undecided)


def _demands() -> list[CycleName]:
    return [
        CycleName(class_, suffix, kind)
        for suffix in range(len(SUFFIXES))
        for class_ in _CLASSES
        for kind in _KINDS
        if kind == 0 or class_ > 0
    ]
