"""What pruning leaves open: the part is run, and a SAT solver learns from what it got stuck in.

Most either/ors need no thought: running the part settles them. Where all wait for one another, they wait in circles,
each of which says that one of some pairs of blocks stands the wrong way round: a clause. The solver places the pairs
that stand in clauses, and the part is run again with these in place, until it runs through or the clauses contradict.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pysat.solvers import Glucose4

from checkers import kernels as graph_kernels
from checkers.joins import Bools, Ints, find
from checkers.rw_register import kernels
from checkers.rw_register.budget import Budget, BudgetSpent
from checkers.rw_register.forms import Kind
from checkers.rw_register.part import Facts, Graph, Part, joined
from checkers.rw_register.problem import Problem
from checkers.rw_register.pruning import Pruned, prune, topological_order
from checkers.rw_register.reasons import Reasons
from checkers.rw_register.running import Runner

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
    """Variable c + 1 is choice c of `pruned`: true if its first block precedes.

    Facts that follow from placement p (2 c for the first block, 2 c + 1 for the second) have the reason base + p.
    """

    def __init__(self, whole: Problem, part: Part, pruned: Pruned, budget: Budget) -> None:
        self.whole, self.part, self.pruned, self.budget = whole, part, pruned, budget
        self.base = len(pruned.pairs)
        self.used: set[int] = set()  # The variables of circles.
        self.clauses: dict[tuple[int, ...], Facts] = {}  # With the circle that each forbids.

    def run(self) -> Settled | Stuck:
        """Run the part, forbid what it got stuck in, and run it again in the orders that the solver gives."""
        runner = Runner(self.part)
        with Glucose4() as solver:
            while self._satisfied(solver):
                circles, order = self._attempt(runner, self._placements(solver.get_model() or []))
                if order is not None:
                    return self._settled(order)
                for circle in circles:
                    literals = self._literals(circle)
                    if not literals:
                        return self._stuck([circle])
                    self._learn(solver, literals, circle)
        return self._stuck(self._core())

    def _learn(self, solver: Glucose4, literals: tuple[int, ...], circle: Facts) -> None:
        if literals not in self.clauses:
            self.clauses[literals] = circle
            solver.add_clause(literals)
            solver.set_phases([-literal for literal in literals if abs(literal) not in self.used])
            self.used.update(map(abs, literals))

    def _placements(self, model: list[int]) -> Ints:
        """The placements of the choices that stand in circles, as the solver makes them."""
        return np.array([2 * v - 2 + (model[v - 1] < 0) for v in sorted(self.used)], dtype=np.int64)

    def _attempt(self, runner: Runner, placements: Ints) -> tuple[list[Facts], Ints | None]:
        """Circles that these placements lead to, or the order of a run without any."""
        facts = joined(self.pruned.facts, self._placed(placements))
        circles, graph = self._circles(facts)
        if circles:
            return circles, None
        run = runner.run(graph)
        self.budget.spend(4 * len(graph.successor))
        complete = len(run.order) == len(graph.first_edge) - 1
        if complete and self.part.form.kind != Kind.PARALLEL:
            return [], run.order
        guards = self._placed(self._placements_of(run.followed if complete else run.hindering))
        waiting = np.ones(len(graph.first_edge) - 1, dtype=np.bool_)  # The others are in no circle.
        waiting[run.order] = complete
        left = waiting[facts.before] & waiting[facts.after]
        circles, _ = self._circles(joined(Facts(*(column[left] for column in facts)), guards))
        assert circles or complete, "all wait for one another, but in no circle"
        return circles, None if circles else run.order

    def _placed(self, placements: Ints) -> Facts:
        blocks = self.pruned.choices[placements // 2]
        second = placements % 2
        rows = np.arange(len(blocks))
        return self.part.placed(blocks[rows, second], blocks[rows, 1 - second], self.base + placements)

    def _placements_of(self, pairs: Ints) -> Ints:
        """The placements that put these pairs of blocks (earlier, later) in order, where that is open."""
        choices = self.pruned.choices
        code = pairs.min(axis=1, initial=self.part.blocks) * self.part.blocks + pairs.max(axis=1, initial=0)
        at = find(choices[:, 0] * self.part.blocks + choices[:, 1], code, np.arange(len(choices)), absent=-1)
        return (2 * at + (pairs[:, 0] > pairs[:, 1]))[at >= 0]

    def _literals_of(self, placements: Ints) -> Ints:
        """The literals that forbid these placements."""
        return np.where(placements % 2 == 0, -1, 1) * (placements // 2 + 1)

    def _satisfied(self, solver: Glucose4) -> bool:
        before = solver.accum_stats()["conflicts"]
        solver.conf_budget(max(self.budget.left // Budget.STEPS_PER_CONFLICT, 1))
        answer = solver.solve_limited()
        self.budget.spend((solver.accum_stats()["conflicts"] - before) * Budget.STEPS_PER_CONFLICT)
        if answer is None:
            raise BudgetSpent
        return bool(answer)

    def _settled(self, order: Ints) -> Settled:
        place = np.full(max(int(order.max(initial=0)) + 1, self.part.form.nodes(len(self.part.rows))), len(order))
        place[order] = np.arange(len(order))
        writer = self.part.writer[self.part.first[:-1]]
        return Settled(self.part.name, np.where(writer >= 0, place[writer], -1))

    def _circles(self, facts: Facts) -> tuple[list[Facts], Graph]:
        """Some circles of the graph of these facts, each as its facts, and the graph.

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
            return [], graph
        chosen = starts[np.linspace(0, len(starts) - 1, min(len(starts), _CIRCLES_AT_ONCE)).astype(np.int64)]
        cost = np.where(component[graph.source] == component[graph.successor], self._is_choice(graph, facts), -1)
        return [self._circle(graph, facts, cost.astype(np.int8), edge) for edge in chosen.tolist()], graph

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

    def _literals(self, circle: Facts) -> tuple[int, ...]:
        """The clause that forbids the circle: one of its choices must be the other way round."""
        reason = np.unique(circle.reason[circle.reason >= self.base])
        return tuple(self._literals_of(reason - self.base).tolist())

    def _core(self) -> list[Facts]:
        """The circles of an unsatisfiable core of all clauses."""
        clauses = list(self.clauses.items())
        top = len(self.pruned.choices)
        with Glucose4() as solver:
            for number, (literals, _) in enumerate(clauses):
                solver.add_clause([*literals, -(top + 1 + number)])
            solver.conf_budget(max(self.budget.left // Budget.STEPS_PER_CONFLICT, 1))
            if solver.solve_limited(assumptions=[top + 1 + number for number in range(len(clauses))]) is None:
                raise BudgetSpent
            return [clauses[literal - top - 1][1] for literal in solver.get_core() or []]

    def _stuck(self, circles: list[Facts]) -> Stuck:
        reasons = Reasons(self.whole, self.part, self.pruned)
        for circle in circles:
            reasons.facts(circle)
        return Stuck(reasons.rows())
