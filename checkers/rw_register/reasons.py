"""Which transactions are behind a contradiction: from the orders that close a circle back to what was observed.

What was placed in a round was placed because the other order would have closed a circle of what was known in the
rounds before; a way along that circle leads to earlier reasons, and in the end to reads and times alone.
"""

from __future__ import annotations

import numpy as np

from checkers.graphs import kernels as graph_kernels
from checkers.joins import Bools, Ints
from checkers.rw_register import kernels
from checkers.rw_register.forms import Kind
from checkers.rw_register.part import Facts, Part
from checkers.rw_register.problem import Problem
from checkers.rw_register.pruning import Pruned

__all__ = ["Reasons"]


class Reasons:
    """Collects rows of the history that contradict one another, whatever the versions' order."""

    def __init__(self, whole: Problem, part: Part, pruned: Pruned) -> None:
        self._part, self._pruned = part, pruned
        self._graph = part.graph(pruned.facts)
        born = np.append(pruned.born, 0)[pruned.facts.reason]
        self._born = np.append(born, 0)[self._graph.fact]
        # Where the members of each block stand in the whole history.
        sequence = np.lexsort((whole.depth, whole.block))
        self._member, self._member_block = whole.version_row[sequence], whole.block[sequence]
        self._rows: set[int] = set()
        self._told: set[int] = set()
        self._untold: list[int] = []

    def rows(self) -> Ints:
        """The rows collected so far, with all that stands behind them, ascending."""
        while self._untold:
            pair = self._untold.pop()
            earlier, later = self._pruned.pairs[pair].tolist()
            self.not_before(later, earlier, int(self._pruned.born[pair]))
        return np.array(sorted(self._rows - {-1}), dtype=np.int64)

    def circle(self) -> None:
        """Collect a circle of what is known, one without reasons of late rounds if there is one."""
        for born in range(int(self._born.max(initial=0)) + 1):
            start = self._on_circle(self._born <= born)
            if start >= 0:
                self._along(self._way(self._graph.successor[start], [int(self._graph.source[start])], born + 1))
                self._along(np.array([start]))
                return
        raise AssertionError("there is no circle to explain")

    def clash(self, one: int, two: int) -> None:
        """Collect why neither of two blocks of a key can precede the other, by all that is known."""
        last = int(self._pruned.born.max(initial=0)) + 1
        for first, second in ((one, two), (two, one)):
            if self._part.writer[self._part.first[second]] >= 0:  # Nothing precedes the initial version.
                self.not_before(first, second, last)

    def not_before(self, one: int, two: int, born: int) -> None:
        """Collect why block `one` cannot be placed before block `two`, as known before the round `born`."""
        part, size = self._part, len(self._part.rows)
        first, last = int(part.writer[part.first[two]]), int(part.first[one + 1]) - 1
        writer = int(part.writer[last])
        readers = part.reader[slice(*np.searchsorted(part.read_version, (last, last + 1)))]
        snapshot = part.form.kind == Kind.SNAPSHOT
        to_writer = [size + writer if part.form.kind == Kind.PARALLEL else writer]
        ways = [
            (size + first if snapshot else first, to_writer),
            (first, (readers + size if snapshot else readers).tolist()),
        ]
        self._blocks((one, two))
        for start, goals in ways:
            edges = self._way(start, goals, born)
            if len(edges) or start in goals:
                self._along(edges)
                end = int(self._graph.successor[edges[-1]]) if len(edges) else start
                self._rows.add(int(part.rows[end % size]))
                return
        raise AssertionError(f"nothing keeps block {one} from standing before block {two}")

    def facts(self, facts: Facts) -> None:
        """Collect these facts. Those with a reason beyond the pairs come from choices, two reasons for each."""
        part = self._part
        for before, after, version, reason in zip(
            facts.before.tolist(), facts.after.tolist(), facts.version.tolist(), facts.reason.tolist(), strict=True
        ):
            self._rows.update((int(part.rows[before]), int(part.rows[after])))
            if version >= 0:
                self._version(version, after)
            if reason >= len(self._pruned.pairs):
                self._blocks(self._pruned.choices[(reason - len(self._pruned.pairs)) // 2].tolist())
            elif reason >= 0 and reason not in self._told:
                self._told.add(reason)
                self._untold.append(reason)
                self._blocks(self._pruned.pairs[reason].tolist())

    def _along(self, edges: Ints) -> None:
        graph = self._graph
        for nodes in (graph.source[edges], graph.successor[edges]):
            self._rows.update(self._part.rows_of_nodes(nodes).tolist())
        facts = graph.fact[edges]
        self.facts(Facts(*(column[facts[facts >= 0]] for column in self._pruned.facts)))

    def _version(self, version: int, after: int) -> None:
        """Who wrote it, and all who stand between it and the version that `after` wrote."""
        part = self._part
        if part.writer[version] >= 0:
            self._rows.add(int(part.rows[part.writer[version]]))
        block = int(np.searchsorted(part.first, version, side="right")) - 1
        following = version + 1
        if following < part.first[block + 1] and part.writer[following] == after:
            self._span(block, version, following)
        elif part.of_key[np.searchsorted(part.of_key, block, side="right") - 1] == block:
            self._span(block, int(part.first[block]), version)

    def _blocks(self, blocks: tuple[int, int] | list[int]) -> None:
        for block in blocks:
            self._span(block, int(self._part.first[block]), int(self._part.first[block + 1]) - 1)

    def _span(self, block: int, first: int, last: int) -> None:
        """All members of a block, in the whole history, from one version of the part to another."""
        part = self._part
        name = int(part.name[block])
        low, high = np.searchsorted(self._member_block, (name, name + 1))
        members = self._member[low:high]
        rows = [int(part.rows[row]) if row >= 0 else -1 for row in part.writer[[first, last]].tolist()]
        begin, end = (int(np.flatnonzero(members == row)[0]) for row in rows)
        self._rows.update(members[begin : end + 1].tolist())

    def _way(self, start: int, goals: list[int], born: int) -> Ints:
        """The edges of a shortest way of what was known before the round `born`; for PARALLEL all goals have one."""
        goal = np.zeros(len(self._graph.first_edge) - 1, dtype=np.bool_)
        goal[goals] = True
        cost = np.where(self._born < born, 0, -1).astype(np.int8)
        return kernels.way(self._graph.first_edge, self._graph.successor, cost, start, goal)

    def _on_circle(self, allowed: Bools) -> int:
        """An edge of a circle of the allowed edges, -1 if there is none."""
        graph = self._graph
        component = graph_kernels.tarjan(graph.first_edge, graph.successor, allowed.astype(np.int8))
        inside = allowed & (component[graph.source] == component[graph.successor])
        return int(np.flatnonzero(inside)[0]) if bool(inside.any()) else -1
