"""Either/or choices, each side of which adds edges to a graph: made so that it has no circle, or shown not to be.

A search that learns from its mistakes (see `search_kernels`). Circles by way of two choices are forbidden from the
start, wider ones once they have been met. A choice that nothing demands is made so that it agrees best with the order
that the graph has at present: most then agree, and never meet a circle.
"""

from __future__ import annotations

import numpy as np

from checkers.compiling import compile_kernels
from checkers.joins import Ints
from checkers.rw_register import kernels, search_kernels
from checkers.rw_register.budget import Budget
from checkers.rw_register.part import Graph
from checkers.rw_register.search_kernels import INTERRUPTED, SOLVED, Clauses, State

__all__ = ["Choices"]

_COMPILE_ABOVE = 200
_ACTIVITY = 10.0  # Of a choice, for each narrow circle; a conflict adds at least 1.
_BUMP_MAX = 1e50  # Far from the largest number: only comparisons of activities count.
_CONFLICTS = 100  # Before the first restart.
_STEP = 100  # A look at one edge or clause takes as long as that many bytes combined.
_NARROW_MAX = 1_000_000
_NARROW_STEPS = 100_000_000
_BYTES_MAX = 64_000_000


class Choices:
    """The open choices 0..count over a graph without circles whose nodes are listed in `order`.

    Literal 2 c is one side of choice c and 2 c + 1 the other; `source`, `target` and `literal` (e,) are the edges
    that they add.
    """

    def __init__(self, graph: Graph, order: Ints, edges: tuple[Ints, Ints, Ints], count: int, budget: Budget) -> None:
        if count > _COMPILE_ABOVE:
            compile_kernels(search_kernels)
        source, target, literal = edges
        by_literal = np.argsort(literal, kind="stable")
        self._budget = budget
        self._certain = len(graph.source)
        self._state = _state(
            np.append(graph.source, source[by_literal]),
            np.append(graph.successor, target[by_literal]),
            np.append(np.full(self._certain, -1), literal[by_literal]),
            order,
            count,
        )
        self._clauses = _clauses(count)
        narrow = self._narrow(graph, order)
        # First the choices that decide most others; what is in the way of many orders moves ahead of them.
        self._state.activity[:] = _ACTIVITY * np.bincount(narrow.ravel() // 2, minlength=count)
        self._possible = self._forbid(narrow)

    def forbid(self, circles: list[Ints]) -> None:
        """From now on at least one literal of each of these sets must be false."""
        for circle in circles:
            self._possible = self._possible and self._forbid(circle[None, :])

    def solve(self) -> bool:
        """Make all choices: False if there is no way. Restarts after Luby's sequence. Raises BudgetSpent."""
        turn = 1
        while self._possible:
            self._clauses = _roomier(self._state, self._clauses)
            status = search_kernels.search(self._state, self._clauses, _CONFLICTS * _luby(turn))
            self._budget.spend(_STEP * int(self._state.number[search_kernels.STEPS]))
            self._state.number[search_kernels.STEPS] = 0
            if self._state.bump[0] > _BUMP_MAX:
                self._state.activity[:] /= self._state.bump[0]
                self._state.bump[0] = 1.0
            if status != INTERRUPTED:
                return bool(status == SOLVED)
            turn += 1
        return False

    @property
    def order(self) -> Ints:
        """The nodes in an order of the graph with the choices made."""
        return np.argsort(self._state.place)

    @property
    def made(self) -> Ints:
        """The literals that are true."""
        return np.flatnonzero(self._state.value == 1)

    def circles(self) -> list[Ints]:
        """All sets of literals that were forbidden for a circle."""
        clauses = self._clauses
        numbers = np.flatnonzero(clauses.circle[: self._state.number[search_kernels.CLAUSES]])
        return [clauses.literals[clauses.start[k] : clauses.start[k + 1]] ^ 1 for k in numbers.tolist()]

    def _forbid(self, circles: Ints) -> bool:
        """False if one of these circles (c, literals) is true for good."""
        self._clauses = _roomier(self._state, self._clauses, circles.size, len(circles))
        return bool(search_kernels.add(self._state, self._clauses, circles ^ 1))

    def _narrow(self, graph: Graph, order: Ints) -> Ints:
        """Pairs of literals (c, 2) that close a circle together, as many as can be had cheaply."""
        nodes = len(order)
        if nodes * nodes // 8 > _BYTES_MAX:
            return np.empty((0, 2), dtype=np.int64)
        reach = np.zeros((nodes, (nodes + 7) // 8), dtype=np.uint8)
        kernels.sow(reach, np.arange(nodes), np.arange(nodes))
        kernels.close(graph.first_edge, graph.successor, order, reach)
        edges = np.arange(self._certain, len(self._state.source))
        into = edges[np.argsort(self._state.target[edges], kind="stable")]
        out_of = edges[np.argsort(self._state.source[edges], kind="stable")]
        found = np.empty((_NARROW_MAX, 2), dtype=np.int32)
        state = self._state
        count, left = kernels.narrow_circles(
            reach, state.source, state.target, state.literal, into, out_of, found, _NARROW_STEPS
        )
        self._budget.spend(reach.size // 8 + _NARROW_STEPS - int(left))
        return np.unique(found[:count].astype(np.int64), axis=0)


def _state(source: Ints, target: Ints, literal: Ints, order: Ints, count: int) -> State:
    nodes, certain = len(order), int((literal < 0).sum())
    place = np.empty(nodes, dtype=np.int64)
    place[order] = np.arange(nodes)
    first_out, next_out = _linked(source, certain, nodes)
    first_in, next_in = _linked(target, certain, nodes)

    def numbers(size: int, value: int = 0) -> Ints:
        return np.full(size, value, dtype=np.int64)

    return State(
        source=source,
        target=target,
        literal=literal,
        edge_of=np.searchsorted(literal, np.arange(2 * count + 1)),
        first_out=first_out,
        next_out=next_out,
        first_in=first_in,
        next_in=next_in,
        place=place,
        value=numbers(2 * count),
        level=numbers(count),
        reason=numbers(count, -1),
        trail=numbers(count),
        begin=numbers(count + 2),
        inserted=numbers(count),
        activity=np.zeros(count),
        bump=np.ones(1),
        queued=numbers(count),
        number=numbers(7),
        by=numbers(nodes, -1),
        queue=np.empty((2, nodes), dtype=np.int64),
        costly=numbers(len(source)),
        seen=numbers(count),
        clause=numbers(count + 1),
    )


def _linked(node: Ints, certain: int, nodes: int) -> tuple[Ints, Ints]:
    """The edges up to `certain` as a list for each node: the first one of each, and the one behind each edge."""
    order = np.argsort(node[:certain], kind="stable")
    first, following = np.full(nodes, -1, dtype=np.int64), np.full(len(node), -1, dtype=np.int64)
    same = node[order[:-1]] == node[order[1:]]
    following[order[:-1][same]] = order[1:][same]
    first[node[order[::-1]]] = order[::-1]
    return first, following


def _clauses(count: int) -> Clauses:
    def numbers(size: int) -> Ints:
        return np.zeros(size, dtype=np.int64)

    return Clauses(
        literals=numbers(0),
        start=numbers(1),
        end=numbers(0),
        next_watch=numbers(0),
        circle=numbers(0),
        first_watch=np.full(2 * count, -1, dtype=np.int64),
    )


def _roomier(state: State, clauses: Clauses, literals: int = 0, count: int = 0) -> Clauses:
    """With room for so much more, and for two clauses of all literals besides."""
    literals += int(state.number[search_kernels.LITERALS]) + 2 * len(state.clause)
    count += int(state.number[search_kernels.CLAUSES]) + 3
    if literals <= len(clauses.literals) and count <= len(clauses.circle):
        return clauses
    return Clauses(
        literals=_longer(clauses.literals, 2 * literals),
        start=_longer(clauses.start, 2 * count + 1),
        end=_longer(clauses.end, 2 * count),
        next_watch=_longer(clauses.next_watch, 4 * count),
        circle=_longer(clauses.circle, 2 * count),
        first_watch=clauses.first_watch,
    )


def _longer(numbers: Ints, size: int) -> Ints:
    longer = np.zeros(max(size, len(numbers)), dtype=np.int64)
    longer[: len(numbers)] = numbers
    return longer


def _luby(turn: int) -> int:
    """1, 1, 2, 1, 1, 2, 4, ...: Luby, Sinclair & Zuckerman 1993."""
    while True:
        size = turn.bit_length()
        if turn == (1 << size) - 1:
            return 1 << (size - 1)
        turn -= (1 << (size - 1)) - 1
