"""Directions for pairs of writers, chosen by a solver so that a component has no cycle of a class.

Lazy satisfiability: each round looks for cycles under the solver's choice and forbids, for each, the directions that
stand in it together. Without a cycle of at most one rw the order keeps parallel snapshot isolation, without one that
never has two rw in a row snapshot isolation (Cerone & Gotsman 2016). Where no choice is left, no order does. The
budgets count work, so that an answer repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from checkers.graphs.cycle_classes import (
    G_NONADJACENT,
    G_SINGLE,
    ITEM,
    component_numbers,
    mask,
    positions,
    states,
    ways_back,
    within_suffix,
)
from checkers.graphs.graph import RW, RW_PREDICATE, WR, WW, Edges, Residue

__all__ = ["CONFLICTS_MAX", "PAIRS_MAX", "WORK_MAX", "least_class"]

Ints = npt.NDArray[np.int64]
Pair = tuple[int, int]

# For one component: pairs of writers, conflicts of the solver, edges looked at in search of cycles.
PAIRS_MAX = 20_000
CONFLICTS_MAX = 100_000
WORK_MAX = 50_000_000
_CYCLES_PER_ROUND = 32


class _Spent(Exception):
    """The budget is spent."""


def least_class(
    part: Residue, writers: Sequence[tuple[int, Ints]], ends: Ints, demand: tuple[int, int], best: int
) -> tuple[int | None, Ints]:
    """The class of cycle that `part`, one component, has under every order of its writers, and one such order.

    `writers` are (key number, nodes) in any order, `ends` (nodes,) when they ended, `demand` (suffix, kind), `best`
    the class by the edges that are sure. The order is (nodes,) a position for each. The class is None where the
    budget was spent.
    """
    if sum(len(nodes) * (len(nodes) - 1) // 2 for _, nodes in writers) > PAIRS_MAX:
        return None, ends
    search = _Search(part, demand)
    # Two keys that order one pair in opposite ways are a cycle of ww: one direction serves all keys.
    for _, nodes in writers:
        for pair in combinations(nodes[np.lexsort((nodes, ends[nodes]))].tolist(), 2):
            search.variables.setdefault(pair, len(search.variables) + 1)
    try:
        if best > G_NONADJACENT and search.order_without(G_NONADJACENT) is not None:
            return best, ends
        order = search.order_without(G_SINGLE)
    except _Spent:
        return None, ends
    if order is None:
        # Every order has a cycle of at most one rw; this one has none without any.
        return G_SINGLE, search.by_dependencies(part)
    return G_NONADJACENT, order


@dataclass
class _Search:
    """The choice for each pair of writers: a variable that is true where the first comes first."""

    part: Residue
    demand: tuple[int, int]
    variables: dict[Pair, int] = field(default_factory=dict)
    work: int = WORK_MAX

    def order_without(self, class_: int) -> Ints | None:
        """(nodes,) positions under which there is no cycle of this class or a smaller one, None if there are none.

        Raises _Spent.
        """
        chosen = list(self.variables)
        clauses: set[tuple[int, ...]] = set()
        solver = None
        try:
            while True:
                tried = self._with(chosen)
                more = set(self._clauses(tried, chosen, class_)) - clauses
                if not more:
                    return self.by_dependencies(tried)
                if solver is None:
                    from pysat.solvers import Glucose4

                    solver = Glucose4()
                    solver.set_phases(list(self.variables.values()))
                    solver.conf_budget(CONFLICTS_MAX)
                for clause in sorted(more):
                    solver.add_clause(list(clause))
                clauses |= more
                answer = solver.solve_limited()
                if answer is None:
                    raise _Spent
                if not answer:
                    return None
                true = {literal for literal in solver.get_model() if literal > 0}
                chosen = [pair if number in true else pair[::-1] for pair, number in self.variables.items()]
        finally:
            if solver is not None:
                solver.delete()

    def _with(self, chosen: Sequence[Pair]) -> Residue:
        edges = self.part.edges
        source, target = np.array(chosen, dtype=np.int64).reshape(-1, 2).T
        more = Edges(
            source=np.concatenate((edges.source, source)),
            target=np.concatenate((edges.target, target)),
            kind=np.concatenate((edges.kind, np.full(len(source), WW))),
            mark=np.concatenate((edges.mark, np.full(len(source), -2))),
        )
        self.work -= len(more)
        return Residue.of(self.part.rows, self.part.passing, more)

    @property
    def _dependencies(self) -> npt.NDArray[np.bool_]:
        return mask(within_suffix(self.demand[0], WR))

    def by_dependencies(self, residue: Residue) -> Ints:
        """(nodes,) positions that rise along all dependencies."""
        return positions(
            component_numbers(residue, self._dependencies, np.zeros(len(residue.passing), dtype=np.int64))
        )

    def _clauses(self, tried: Residue, chosen: Sequence[Pair], class_: int) -> Iterator[tuple[int, ...]]:
        """For each of some cycles of this class or a smaller one: not all of its directions together."""
        literals = {pair: self._literal(pair) for pair in chosen}
        sure = self._sure_dependencies()
        for cycle in self._cycles(tried, class_):
            used = {literals[step] for step in cycle if step in literals and step not in sure}
            yield tuple(sorted(-literal for literal in used))

    def _literal(self, pair: Pair) -> int:
        return self.variables[pair] if pair in self.variables else -self.variables[pair[::-1]]

    def _sure_dependencies(self) -> set[Pair]:
        edges = self.part.edges.of(self._dependencies[self.part.edges.kind])
        return set(zip(edges.source.tolist(), edges.target.tolist(), strict=True))

    def _cycles(self, tried: Residue, class_: int) -> Iterator[list[Pair]]:
        """Some cycles as steps from node to node, none only where there is none. Raises _Spent."""
        whole = np.zeros(len(tried.passing), dtype=np.int64)
        edges = tried.edges
        joined = component_numbers(tried, self._dependencies, whole)
        start = np.flatnonzero(
            (edges.mark == -2) & (edges.kind == WW) & (joined[edges.source] == joined[edges.target])
        )
        if len(start):
            yield from self._ways(tried, joined, start, adjacent=True)
            return
        rw = RW if self.demand[1] == ITEM else RW_PREDICATE
        is_rw = (edges.kind >= RW) & (edges.kind <= rw)
        if class_ == G_SINGLE:
            position = positions(joined)
            start = np.flatnonzero(is_rw & (position[edges.source] > position[edges.target]))
            yield from self._ways(tried, whole, start, adjacent=True, position=position)
        else:
            walks = states(tried, whole, self.demand[0], rw)
            start = np.flatnonzero(is_rw & (walks[2 * edges.source] == walks[2 * edges.target + 1]))
            yield from self._ways(tried, whole, start, adjacent=False)

    def _ways(
        self, tried: Residue, within: Ints, start: Ints, *, adjacent: bool, position: Ints | None = None
    ) -> Iterator[list[Pair]]:
        """The cycles that the first of these edges close. Those that close none are told in ever larger groups."""
        rw = RW if self.demand[1] == ITEM else RW_PREDICATE
        allowed = mask(within_suffix(self.demand[0], WR if adjacent else rw))

        def search(edges: Ints) -> tuple[Ints, Ints]:
            best = np.full(len(edges), -1, dtype=np.int64)
            way, self.work = ways_back(
                tried,
                within,
                edges,
                np.arange(len(edges)),
                allowed,
                adjacent=adjacent,
                position=position,
                best=best,
                budget=self.work - len(tried.edges),
            )
            if self.work < 0:
                raise _Spent
            return way, edges[best >= 0]

        at, found, size = 0, 0, _CYCLES_PER_ROUND
        while at < len(start) and found < _CYCLES_PER_ROUND:
            closing = search(start[at : at + size])[1][: _CYCLES_PER_ROUND - found]
            for edge in closing.tolist():
                way, _ = search(np.array([edge]))
                yield [(int(tried.edges.source[edge]), int(tried.edges.target[edge])), *pairwise(way.tolist())]
            at, found, size = at + size, found + len(closing), 2 * size
