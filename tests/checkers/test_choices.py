from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random
from typing import NamedTuple

import networkx as nx
import numpy as np
import pytest

from checkers.joins import Ints
from checkers.rw_register import kernels, search_kernels
from checkers.rw_register.budget import Budget, BudgetSpent
from checkers.rw_register.choices import Choices
from checkers.rw_register.part import Graph
from tests.checkers.compiled import compiled


class Riddle(NamedTuple):
    """Certain edges between nodes numbered in an order of theirs, and the edges of each literal."""

    nodes: int
    certain: list[tuple[int, int]]
    sides: list[list[tuple[int, int]]]  # Of literal 0, 1, ...

    def choices(self, budget: int = 10**9) -> Choices:
        """The search for this riddle."""
        source, target = (np.array(side, dtype=np.int64) for side in zip(*self.certain, strict=True))
        first_edge, order = kernels.by_source(source, self.nodes)
        graph = Graph(first_edge, source[order], target[order], np.full(len(source), -1))
        rows = [(one, two, literal) for literal, edges in enumerate(self.sides) for one, two in edges]
        edges = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        count = len(self.sides) // 2
        return Choices(graph, np.arange(self.nodes), (edges[0], edges[1], edges[2]), count, Budget(budget))

    def without_circle(self, literals: Ints | tuple[int, ...]) -> bool:
        """Whether the certain edges and those of these literals have no circle."""
        graph = nx.DiGraph(self.certain)
        for literal in literals:
            graph.add_edges_from(self.sides[literal])
        return bool(nx.is_directed_acyclic_graph(graph))

    def solutions(self) -> set[tuple[int, ...]]:
        """The literals of every way to choose without a circle."""
        ways = product(*((2 * choice, 2 * choice + 1) for choice in range(len(self.sides) // 2)))
        return {way for way in ways if self.without_circle(way)}


def riddle(seed: int, choices: int = 6) -> Riddle:
    """A few certain edges, and sides of one to three edges, most of them opposite to one another."""
    rng = Random(seed)
    nodes = rng.randint(4, 9)
    certain = [tuple(sorted(rng.sample(range(nodes), 2))) for _ in range(rng.randint(1, nodes))]
    sides = []
    for _ in range(choices):
        edges = [tuple(rng.sample(range(nodes), 2)) for _ in range(rng.randint(1, 3))]
        other = [tuple(rng.sample(range(nodes), 2)) for _ in range(rng.randint(0, 2))]
        sides += [edges, [(edges[0][1], edges[0][0]), *other]]
    return Riddle(nodes, [(one, two) for one, two in certain], [[(a, b) for a, b in side] for side in sides])


@pytest.fixture(params=["as they stand", "compiled"], name="kernels_as")
def fixture_kernels_as(request: pytest.FixtureRequest) -> Iterator[str]:
    """The one source of the kernels in both of its forms."""
    if request.param == "as they stand":
        yield request.param
        return
    with compiled(kernels, search_kernels):
        yield request.param


@pytest.mark.usefixtures("kernels_as")
def test_all_ways_to_choose_are_found_one_after_another() -> None:
    """Each way that is found has no circle and comes with an order; with each forbidden in turn, none is left out."""
    solvable = 0
    for seed in range(150):
        one = riddle(seed)
        choices, found = one.choices(), set()
        while choices.solve():
            made = choices.made
            place = np.argsort(choices.order)
            edges = [*one.certain, *(edge for literal in made for edge in one.sides[literal])]
            assert all(place[source] < place[target] for source, target in edges)
            assert len(found) < len(found | {tuple(made.tolist())})
            found.add(tuple(made.tolist()))
            choices.forbid([made])
        assert found == one.solutions()
        solvable += bool(found)
    assert 40 < solvable < 120


@pytest.mark.usefixtures("kernels_as")
def test_what_cannot_be_chosen_is_shown_by_circles() -> None:
    """Every set of literals that was forbidden closes a circle; where there is no way, each way holds one of them."""
    impossible = 0
    for seed in range(150):
        one = riddle(seed, choices=7)
        choices = one.choices()
        solvable = choices.solve()
        circles = [set(circle.tolist()) for circle in choices.circles()]
        assert not any(one.without_circle(tuple(circle)) for circle in circles)
        if not solvable:
            impossible += 1
            ways = product(*((2 * choice, 2 * choice + 1) for choice in range(7)))
            assert all(any(circle <= set(way) for circle in circles) for way in ways)
    assert impossible > 30


def test_many_choices_that_hang_together_need_restarts_and_room() -> None:
    """An order of 80 nodes that nothing shows is found from 500 choices, by way of hundreds of circles."""
    rng = Random(7)
    place = rng.sample(range(80), 80)

    def true_edge() -> tuple[int, int]:
        one, two = sorted(rng.sample(range(80), 2), key=place.__getitem__)
        return one, two

    certain = [(one, one + 1) for one in range(79) if place[one] < place[one + 1] and rng.random() < 0.3]
    sides = []
    for _ in range(500):
        right = [true_edge(), true_edge()]
        # Half of what the other side says is true as well: it takes several sides to see that one is wrong.
        wrong = [right[0][::-1], true_edge()]
        sides += rng.sample([right, wrong], 2)
    planted = Riddle(80, certain, sides)
    with compiled(kernels, search_kernels):
        choices = planted.choices()
        narrow = len(choices.circles())
        assert choices.solve()
        assert len(choices.circles()) > narrow + 500
        assert planted.without_circle(choices.made)
        assert len(choices.made) == 500


def test_a_spent_budget_ends_the_search() -> None:
    """The budget counts the work of making the choices."""
    with pytest.raises(BudgetSpent):
        riddle(3).choices(budget=1).solve()
