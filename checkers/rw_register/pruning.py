"""Either/or choices decided by what is known already, until nothing new follows.

For each key with open choices every node learns which blocks it leads to (to the writer of the last version or to a
reader of it): those cannot come first. Columns of bits are blocks, not transactions, so that one look at a bit
decides a choice. Pruning before solving: Tan et al., Cobra, OSDI 2020; Huang et al., PolySI, VLDB 2023.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkers.joins import Ints, join
from checkers.rw_register import kernels
from checkers.rw_register.budget import Budget, BudgetSpent
from checkers.rw_register.forms import Kind
from checkers.rw_register.part import Facts, Graph, Part, joined

__all__ = ["Pruned", "prune", "topological_order"]

_BYTES_MAX = 64_000_000
_PAIRS_MAX = 20_000_000
_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.int64)


@dataclass(kw_only=True, eq=False)
class Pruned:
    """All that is known of a part, and what is open.

    `pairs` (p, 2) are the blocks (earlier, later) that were placed, `born` (p,) in which round, from 1 on; a fact's
    `reason` is such a pair. `choices` (c, 2) are the pairs of blocks of a key that may stand in either order.
    `clash` are two blocks of which neither can come first, `circle` is whether what is known has one.
    """

    facts: Facts
    pairs: Ints
    born: Ints
    choices: Ints
    clash: tuple[int, int] | None = None
    circle: bool = False


def topological_order(graph: Graph) -> Ints:
    """The nodes in an order; fewer than there are where the graph has a circle."""
    nodes = len(graph.first_edge) - 1
    nobody, at_once, done = (
        np.empty(0, dtype=np.int64),
        np.zeros(nodes, dtype=np.int64),
        np.zeros(nodes, dtype=np.int8),
    )
    return kernels.topological(graph.first_edge, graph.successor, done, nobody, at_once, np.arange(nodes))


def prune(part: Part, budget: Budget) -> Pruned:
    """Decide what can be decided. Raises BudgetSpent, where there are far too many choices at once."""
    if int((np.diff(part.of_key) ** 2).sum()) > 2 * _PAIRS_MAX:
        raise BudgetSpent
    state = _State(part)
    facts = part.known()
    known = Pruned(
        facts=facts,
        pairs=np.empty((0, 2), dtype=np.int64),
        born=np.empty(0, dtype=np.int64),
        choices=np.empty((0, 2), dtype=np.int64),
    )
    while True:
        graph = part.graph(known.facts)
        budget.spend(len(graph.successor))
        order = topological_order(graph)
        if len(order) < len(graph.first_edge) - 1:
            known.circle = True
            return known
        found, known.clash = state.round(graph, order, budget)
        if known.clash is not None:
            return known
        if not len(found):
            known.choices = state.open_pairs()
            return known
        reason = len(known.pairs) + np.arange(len(found))
        known.facts = joined(known.facts, part.placed(found[:, 0], found[:, 1], reason))
        known.pairs = np.concatenate((known.pairs, found))
        known.born = np.concatenate((known.born, np.full(len(found), int(known.born.max(initial=0)) + 1)))


class _State:
    """Which blocks of a key are known to follow (`later`) and to precede (`earlier`) each block, as bits.

    Those of block b begin at byte place[b]; the blocks of a key are numbered from its first one.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        self.count = np.diff(part.of_key)
        self.key = np.repeat(np.arange(len(self.count)), self.count)
        width = (self.count + 7) // 8
        self.place = np.concatenate(([0], np.cumsum(width[self.key])))
        self.later = np.zeros(int(self.place[-1]), dtype=np.uint8)
        self.earlier = np.zeros(int(self.place[-1]), dtype=np.uint8)
        self.width = width
        self._initial_first()

    def _initial_first(self) -> None:
        """The initial version's block, number 0 of its key, precedes all others."""
        later = np.flatnonzero(np.arange(self.part.blocks) != self.part.of_key[self.key])
        self.earlier[self.place[later]] |= 1
        initial = self.part.of_key[self.key[later]]
        within = later - initial
        np.bitwise_or.at(self.later, self.place[initial] + within // 8, (1 << (within % 8)).astype(np.uint8))

    def undecided(self) -> Ints:
        """The keys with open choices."""
        decided = np.concatenate(([0], np.cumsum(_BITS[self.later])))
        first, last = self.place[self.part.of_key[:-1]], self.place[self.part.of_key[1:]]
        return np.flatnonzero(decided[last] - decided[first] < self.count * (self.count - 1) // 2)

    def round(self, graph: Graph, order: Ints, budget: Budget) -> tuple[Ints, tuple[int, int] | None]:
        """Pairs of blocks (earlier, later) of which the other order would close a circle; or two that clash."""
        found = []
        for keys in self._chunks(self.undecided(), len(graph.first_edge) - 1):
            column = np.concatenate(([0], np.cumsum(self.width[keys])))
            for seeds, columns, source in self._probes(keys, column[:-1] * 8):
                budget.spend(int(column[-1]) * (len(graph.successor) // 8 + 1))
                reach = np.zeros((len(graph.first_edge) - 1, int(column[-1])), dtype=np.uint8)
                kernels.sow(reach, seeds, columns)
                kernels.close(graph.first_edge, graph.successor, order, reach)
                pairs, clash = self._forced(reach, column[:-1] * 8, keys, source, budget)
                found.append(pairs)
                if clash is not None:
                    return np.concatenate(found), clash
        return (np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)), None

    def _chunks(self, keys: Ints, nodes: int) -> Iterator[Ints]:
        """Keys whose bits fit into memory together."""
        chunk = np.cumsum(self.width[keys]) // max(_BYTES_MAX // max(nodes, 1), 1)
        yield from np.split(keys, np.flatnonzero(chunk[1:] != chunk[:-1]) + 1) if len(keys) else ()

    def _probes(self, keys: Ints, column: Ints) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Nodes to which a block's bit belongs, the bits, and for each block the node that must not lead there.

        If A is placed before B, B must not lead to A's last writer nor to a reader of it. For SNAPSHOT the one is
        asked of B's snapshot, the other of its commit.
        """
        part = self.part
        size, kind = len(part.rows), part.form.kind
        which = np.repeat(np.arange(len(keys)), self.count[keys])
        within = np.arange(len(which)) - np.repeat(np.cumsum(self.count[keys]) - self.count[keys], self.count[keys])
        block, bit = part.of_key[keys[which]] + within, column[which] + within
        last, first = part.first[block + 1] - 1, part.writer[part.first[:-1]]
        real = part.writer[last] >= 0
        at, read = join(last, part.read_version)
        writer, reader = part.writer[last[real]], part.reader[read]
        bits = np.concatenate((bit[real], bit[at]))
        if kind == Kind.SERIAL:
            yield np.concatenate((writer, reader)), bits, first
        elif kind == Kind.PARALLEL:
            yield np.concatenate((size + writer, reader)), bits, first
        else:
            yield np.concatenate((writer, size + reader)), bits, first
            yield writer, bit[real], np.where(first >= 0, size + first, -1)

    def _forced(
        self, reach: NDArray[np.uint8], column: Ints, keys: Ints, source: Ints, budget: Budget
    ) -> tuple[Ints, tuple[int, int] | None]:
        looks = int((self.count[keys] ** 2).sum())
        budget.spend(looks)
        found = np.empty((looks, 2), dtype=np.int32)
        count, one, two = kernels.force(
            reach, column, keys, self.part.of_key, source, self.place, self.later, self.earlier, found
        )
        return found[:count].astype(np.int64), None if one < 0 else (one, two)

    def open_pairs(self) -> Ints:
        """The pairs of blocks of a key that may stand in either order (c, 2), the lower number first."""
        found = [np.empty((0, 2), dtype=np.int64)]
        for key in self.undecided().tolist():
            first, count = int(self.part.of_key[key]), int(self.count[key])
            bits = slice(int(self.place[first]), int(self.place[first + count]))
            decided = np.unpackbits(
                (self.later[bits] | self.earlier[bits]).reshape(count, -1), axis=1, count=count, bitorder="little"
            )
            found.append(first + np.argwhere(np.triu(decided == 0, 1)))
        return np.concatenate(found)
