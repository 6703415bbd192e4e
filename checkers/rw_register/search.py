"""What pruning leaves open, by a SAT solver: a variable for each either/or, a clause for each circle found.

The first assignment follows the order in which the part could run; circles are found in the graph of an assignment
and forbidden, several at a time, until there is none or the clauses contradict one another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pysat.solvers import Glucose4

from checkers import kernels as graph_kernels
from checkers.joins import Bools, Ints
from checkers.rw_register import kernels
from checkers.rw_register.budget import Budget, BudgetSpent
from checkers.rw_register.forms import Kind
from checkers.rw_register.part import Facts, Graph, Part, joined
from checkers.rw_register.problem import Problem
from checkers.rw_register.pruning import Pruned, prune, topological_order
from checkers.rw_register.reasons import Reasons

__all__ = ["Settled", "Stuck", "holds", "settle"]

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
    """The choices' facts carry reasons from `base` on: base + 2 c if the first block of choice c precedes, or + 1."""

    def __init__(self, whole: Problem, part: Part, pruned: Pruned, budget: Budget) -> None:
        self.whole, self.part, self.pruned, self.budget = whole, part, pruned, budget
        self.base = len(pruned.pairs)
        number = self.base + 2 * np.arange(len(pruned.choices))
        one, two = pruned.choices[:, 0], pruned.choices[:, 1]
        self.open = joined(part.placed(one, two, number), part.placed(two, one, number + 1))
        self.clauses: dict[tuple[int, ...], Facts] = {}

    def run(self) -> Settled | Stuck:
        first = self._guess()
        with Glucose4() as solver:
            solver.set_phases([c + 1 if yes else -c - 1 for c, yes in enumerate(first.tolist())])
            assigned = first
            while True:
                facts = self._facts(assigned)
                graph = self.part.graph(facts)
                order = topological_order(graph)
                self.budget.spend(2 * len(graph.successor))
                circles = self._circles(graph, order, facts)
                if not circles:
                    return self._settled(order)
                for circle in circles:
                    literals = self._literals(circle)
                    self.clauses.setdefault(literals, circle)
                    if not literals:
                        return self._stuck([circle])
                    solver.add_clause(literals)
                if not self._solve(solver):
                    return self._stuck(self._core())
                model = solver.get_model() or []
                for c, literal in enumerate(model[: len(assigned)]):
                    assigned[c] = literal > 0

    def _solve(self, solver: Glucose4) -> bool:
        allowed = max(self.budget.left // Budget.STEPS_PER_CONFLICT, 1)
        before = solver.accum_stats()["conflicts"]
        solver.conf_budget(allowed)
        answer = solver.solve_limited()
        self.budget.spend((solver.accum_stats()["conflicts"] - before) * Budget.STEPS_PER_CONFLICT)
        if answer is None:
            raise BudgetSpent
        return bool(answer)

    def _guess(self) -> Bools:
        """For each choice whether its first block precedes: as the part could run, going by what is known."""
        place = self._settled(topological_order(self.part.graph(self.pruned.facts))).place
        choices = self.pruned.choices
        return np.asarray(place[choices[:, 0]] < place[choices[:, 1]])

    def _facts(self, assigned: Bools) -> Facts:
        reason = self.open.reason - self.base
        chosen = assigned[reason // 2] == (reason % 2 == 0)
        return joined(self.pruned.facts, Facts(*(column[chosen] for column in self.open)))

    def _settled(self, order: Ints) -> Settled:
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        writer = self.part.writer[self.part.first[:-1]]
        return Settled(self.part.name, np.where(writer >= 0, place[writer], -1))

    def _circles(self, graph: Graph, order: Ints, facts: Facts) -> list[Facts]:
        """Some circles of the graph, each as its facts; for PARALLEL of one rw where there are none without."""
        if len(order) < len(graph.first_edge) - 1:
            component = graph_kernels.tarjan(graph.first_edge, graph.successor, np.ones(len(graph.source), np.int8))
            inside = component[graph.source] == component[graph.successor]
            starts = np.flatnonzero(inside & self._is_choice(graph, facts))
            starts = starts if len(starts) else np.flatnonzero(inside)[:1]
            ends = graph.source
        elif self.part.form.kind == Kind.PARALLEL:
            starts, ends = _single(self.part, graph, order, self.budget), graph.source
            component = np.zeros(len(graph.first_edge) - 1, dtype=np.int64)
        else:
            return []
        chosen = starts[np.linspace(0, len(starts) - 1, min(len(starts), _CIRCLES_AT_ONCE)).astype(np.int64)]
        cost = np.where(component[graph.source] == component[graph.successor], self._is_choice(graph, facts), -1)
        return [self._circle(graph, facts, cost.astype(np.int8), edge, int(ends[edge])) for edge in chosen.tolist()]

    def _circle(self, graph: Graph, facts: Facts, cost: Ints, edge: int, end: int) -> Facts:
        """The facts of a circle by way of this edge, with as few choices as can be."""
        goal = np.zeros(len(graph.first_edge) - 1, dtype=np.bool_)
        goal[end] = True
        start = int(graph.successor[edge])
        if self.part.form.kind == Kind.PARALLEL and start >= len(self.part.rows) and end < len(self.part.rows):
            start -= len(self.part.rows)
        self.budget.spend(len(graph.successor))
        edges = np.append(edge, kernels.way(graph.first_edge, graph.successor, cost, start, goal))
        used = np.unique(graph.fact[edges])
        return Facts(*(column[used[used >= 0]] for column in facts))

    def _is_choice(self, graph: Graph, facts: Facts) -> Bools:
        return np.append(facts.reason >= self.base, False)[graph.fact]

    def _literals(self, circle: Facts) -> tuple[int, ...]:
        """The clause that forbids the circle: one of its choices must be the other way round."""
        reason = np.unique(circle.reason[circle.reason >= self.base]) - self.base
        return tuple((np.where(reason % 2 == 0, -1, 1) * (reason // 2 + 1)).tolist())

    def _core(self) -> list[Facts]:
        """The circles of an unsatisfiable core of all clauses."""
        circles = list(self.clauses.items())
        top = len(self.pruned.choices)
        with Glucose4() as solver:
            for number, (literals, _) in enumerate(circles):
                solver.add_clause([*literals, -(top + 1 + number)])
            solver.conf_budget(max(self.budget.left // Budget.STEPS_PER_CONFLICT, 1))
            if solver.solve_limited(assumptions=[top + 1 + number for number in range(len(circles))]) is None:
                raise BudgetSpent
            return [circles[literal - top - 1][1] for literal in solver.get_core() or []]

    def _stuck(self, circles: list[Facts]) -> Stuck:
        reasons = Reasons(self.whole, self.part, self.pruned)
        for circle in circles:
            reasons.facts(circle)
        return Stuck(reasons.rows())
