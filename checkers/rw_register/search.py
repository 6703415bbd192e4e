"""What pruning leaves open of a part: which of two blocks of a key comes first, many times over.

The choices are made together (see `choices`). Where they cannot be, the circles that forbade each way are made an
unsatisfiable core by a SAT solver, and what stands behind it contradicts itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pysat.solvers import Glucose4

from checkers.compiling import compile_kernels
from checkers.graphs import kernels as graph_kernels
from checkers.joins import Bools, Ints
from checkers.rw_register import kernels
from checkers.rw_register.budget import Budget, BudgetSpent
from checkers.rw_register.choices import Choices
from checkers.rw_register.forms import Kind
from checkers.rw_register.part import Facts, Graph, Part, joined
from checkers.rw_register.problem import Problem
from checkers.rw_register.pruning import Pruned, prune, topological_order
from checkers.rw_register.reasons import Reasons

__all__ = ["Settled", "Stuck", "holds", "settle"]

_COMPILE_ABOVE_PAIRS = 5_000
_CIRCLES_AT_ONCE = 200
_BYTES_MAX = 64_000_000


class Settled(NamedTuple):
    """The blocks of a part have an order without circles: `place` (blocks,) is ascending along it within a key."""

    name: Ints
    place: Ints


class Stuck(NamedTuple):
    """These rows of the history contradict one another, whatever the order."""

    rows: Ints


def settle(whole: Problem, part: Part, budget: Budget) -> Settled | Stuck:
    """Find an order of the blocks of a part, or rows that have none. Raises BudgetSpent."""
    if int((np.diff(part.of_key) ** 2).sum()) > _COMPILE_ABOVE_PAIRS:
        compile_kernels(kernels)
        compile_kernels(graph_kernels)
    pruned = prune(part, budget)
    if pruned.circle or pruned.clash is not None:
        reasons = Reasons(whole, part, pruned)
        if pruned.clash is not None:
            reasons.clash(*pruned.clash)
        else:
            reasons.circle()
        return Stuck(reasons.rows())
    return _Search(whole, part, pruned, budget).run()


def holds(part: Part, budget: Budget) -> bool:
    """Whether PARALLEL allows the order that the blocks of a part are in."""
    consecutive = np.setdiff1d(np.arange(1, part.blocks), part.of_key)
    facts = joined(part.known(), part.placed(consecutive - 1, consecutive, np.full(len(consecutive), -1)))
    graph = part.graph(facts)
    order = topological_order(graph)
    return len(order) == len(graph.first_edge) - 1 and not len(_single(part, graph, order, budget))


def _single(part: Part, graph: Graph, order: Ints, budget: Budget) -> Ints:
    """The rw edges (of PARALLEL) whose target leads back to their source by dependencies alone."""
    size = len(part.rows)
    missed = np.flatnonzero((graph.source < size) & (graph.successor >= size) & (graph.fact >= 0))
    chunk = max(_BYTES_MAX * 8 // max(len(order), 1), 1)
    found = [np.empty(0, dtype=np.int64)]
    for begin in range(0, len(missed), chunk):
        edges = missed[begin : begin + chunk]
        sources, column = np.unique(graph.source[edges], return_inverse=True)
        reach = np.zeros((len(order), (len(sources) + 7) // 8), dtype=np.uint8)
        budget.spend(reach.shape[1] * (len(graph.successor) // 8 + 1))
        kernels.sow(reach, sources, np.arange(len(sources)))
        kernels.close(graph.first_edge, graph.successor, order, reach)
        back = graph.successor[edges] - size
        found.append(edges[(reach[back, column // 8] >> (column % 8).astype(np.uint8)) & 1 == 1])
    return np.concatenate(found)


class _Search:
    """Literal 2 c says that the first block of choice c of `pruned` precedes, 2 c + 1 that the second does.

    Facts that follow from literal l have the reason base + l.
    """

    def __init__(self, whole: Problem, part: Part, pruned: Pruned, budget: Budget) -> None:
        self.whole, self.part, self.pruned, self.budget = whole, part, pruned, budget
        self.base = len(pruned.pairs)

    def run(self) -> Settled | Stuck:
        """An order of the blocks, or rows that have none. Raises BudgetSpent."""
        graph = self.part.graph(self.pruned.facts)
        facts = self._placed(np.arange(2 * len(self.pruned.choices)))
        source, target, fact = self.part.edges(facts)
        literal = facts.reason[fact] - self.base
        order, count = topological_order(graph), len(self.pruned.choices)
        choices = Choices(graph, order, (source, target, literal), count, self.budget)
        while choices.solve():
            circles = self._circles(self._with(choices.made)) if self.part.form.kind == Kind.PARALLEL else []
            if not circles:
                return self._settled(choices.order)
            choices.forbid([self._literals(circle) for circle in circles])
        return self._stuck([self._circles(self._with(circle))[0] for circle in self._core(choices.circles())])

    def _with(self, literals: Ints) -> Facts:
        return joined(self.pruned.facts, self._placed(literals))

    def _placed(self, literals: Ints) -> Facts:
        blocks = self.pruned.choices[literals // 2]
        second = literals % 2
        rows = np.arange(len(blocks))
        return self.part.placed(blocks[rows, second], blocks[rows, 1 - second], self.base + literals)

    def _literals(self, circle: Facts) -> Ints:
        return np.unique(circle.reason[circle.reason >= self.base]) - self.base

    def _core(self, circles: list[Ints]) -> list[Ints]:
        """Of sets of literals that must not all be true together some that cannot all be avoided."""
        top = len(self.pruned.choices)
        with Glucose4() as solver:
            for number, circle in enumerate(circles):
                literals = np.where(circle % 2 == 0, -1, 1) * (circle // 2 + 1)
                solver.add_clause([*literals.tolist(), -(top + 1 + number)])
            solver.conf_budget(max(self.budget.left // Budget.STEPS_PER_CONFLICT, 1))
            if solver.solve_limited(assumptions=list(range(top + 1, top + 1 + len(circles)))) is None:
                raise BudgetSpent
            return [circles[literal - top - 1] for literal in solver.get_core() or []]

    def _settled(self, order: Ints) -> Settled:
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        writer = self.part.writer[self.part.first[:-1]]
        return Settled(self.part.name, np.where(writer >= 0, place[writer], -1))

    def _circles(self, facts: Facts) -> list[Facts]:
        """Some circles of the graph of these facts, each as its facts.

        For PARALLEL circles with one rw, where there are none without.
        """
        graph = self.part.graph(facts)
        order = topological_order(graph)
        self.budget.spend(2 * len(graph.successor))
        if len(order) < len(graph.first_edge) - 1:
            component = graph_kernels.tarjan(graph.first_edge, graph.successor, np.ones(len(graph.source), np.int8))
            inside = component[graph.source] == component[graph.successor]
            starts = np.flatnonzero(inside & self._is_choice(graph, facts))
            starts = starts if len(starts) else np.flatnonzero(inside)[:1]
        elif self.part.form.kind == Kind.PARALLEL:
            starts = _single(self.part, graph, order, self.budget)
            component = np.zeros(len(graph.first_edge) - 1, dtype=np.int64)
        else:
            return []
        chosen = starts[np.linspace(0, len(starts) - 1, min(len(starts), _CIRCLES_AT_ONCE)).astype(np.int64)]
        cost = np.where(component[graph.source] == component[graph.successor], self._is_choice(graph, facts), -1)
        return [self._circle(graph, facts, cost.astype(np.int8), edge) for edge in chosen.tolist()]

    def _circle(self, graph: Graph, facts: Facts, cost: Ints, edge: int) -> Facts:
        """The facts of a circle by way of this edge, with as few choices as can be."""
        start, end = int(graph.successor[edge]), int(graph.source[edge])
        goal = np.zeros(len(graph.first_edge) - 1, dtype=np.bool_)
        goal[end] = True
        if self.part.form.kind == Kind.PARALLEL and start >= len(self.part.rows) and end < len(self.part.rows):
            start -= len(self.part.rows)
        self.budget.spend(len(graph.successor))
        edges = np.append(edge, kernels.way(graph.first_edge, graph.successor, cost, start, goal))
        used = np.unique(graph.fact[edges])
        return Facts(*(column[used[used >= 0]] for column in facts))

    def _is_choice(self, graph: Graph, facts: Facts) -> Bools:
        return np.append(facts.reason >= self.base, False)[graph.fact]

    def _stuck(self, circles: list[Facts]) -> Stuck:
        reasons = Reasons(self.whole, self.part, self.pruned)
        for circle in circles:
            reasons.facts(circle)
        return Stuck(reasons.rows())
