"""Pairs of choices that cannot both be made: each is possible, together they close a circle.

    A before B leads on from B to C,  C before D leads on from D back to A

These are clauses of two literals, by far the most of all that a solver needs, and cheap to find all at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from checkers.joins import Ints, join
from checkers.rw_register import kernels
from checkers.rw_register.budget import Budget
from checkers.rw_register.forms import Kind
from checkers.rw_register.part import Graph, Part

__all__ = ["Choices", "conflicting"]

_BYTES_MAX = 256_000_000
_CHOICES_MAX = 300_000
_CONFLICTS_MAX = 3_000_000

_Bits = NDArray[np.uint8]


class Choices(NamedTuple):
    """Open choices by block, and what excludes what.

    Block b may stand on either side of neighbour[e], e from of_block[b] to of_block[b + 1]: that is choice number[e].
    Placement 2 c is that the first block of choice c precedes, 2 c + 1 the other. `conflicts` (f, 2) are placements
    that close a circle together; p is excluded by opposed[opposes[p]:opposes[p + 1]].
    """

    neighbour: Ints
    number: Ints
    of_block: Ints
    conflicts: Ints
    opposed: Ints
    opposes: Ints


def conflicting(part: Part, graph: Graph, order: Ints, choices: Ints, budget: Budget) -> Choices:
    """The choices (c, 2) with their conflicts: none where there are too many of either, nor for PARALLEL."""
    ends = np.concatenate((choices[:, 0], choices[:, 1]))
    by_block = np.argsort(ends, kind="stable")
    neighbour = np.concatenate((choices[:, 1], choices[:, 0]))[by_block]
    of_block = np.searchsorted(ends[by_block], np.arange(part.blocks + 1))
    number = np.resize(np.arange(len(choices)), len(ends))[by_block]
    conflicts = _conflicts(part, graph, order, (neighbour, number, of_block), budget)
    both = np.concatenate((conflicts, conflicts[:, ::-1]))
    both = both[np.argsort(both[:, 0], kind="stable")]
    opposes = np.searchsorted(both[:, 0], np.arange(2 * len(choices) + 1))
    return Choices(neighbour, number, of_block, conflicts, both[:, 1].copy(), opposes)


def _conflicts(part: Part, graph: Graph, order: Ints, by_block: tuple[Ints, Ints, Ints], budget: Budget) -> Ints:
    nothing = np.empty((0, 2), dtype=np.int64)
    neighbour, number, of_block = by_block
    blocks = np.flatnonzero(np.diff(of_block))
    width = (len(blocks) + 7) // 8
    too_many = not 0 < len(number) <= 2 * _CHOICES_MAX or (len(graph.first_edge) - 1) * width > _BYTES_MAX
    if too_many or part.form.kind == Kind.PARALLEL:
        return nothing
    column = np.zeros(part.blocks, dtype=np.int64)
    column[blocks] = np.arange(len(blocks))
    found = [nothing]
    for leads, start, back, back_start in _combinations(part, graph, order, blocks, budget):
        pairs = np.empty((_CONFLICTS_MAX, 2), dtype=np.int32)
        count = kernels.conflicts(leads, start, back, back_start, column, neighbour, number, of_block, pairs)
        if count > len(pairs):
            return nothing
        budget.spend(count)
        found.append(pairs[:count].astype(np.int64))
    return np.unique(np.concatenate(found), axis=0)


def _combinations(
    part: Part, graph: Graph, order: Ints, blocks: Ints, budget: Budget
) -> list[tuple[_Bits, Ints, _Bits, Ints]]:
    """For the kinds of the two edges at which the choices meet the circle: who leads where.

    A placement's edges go from the last writer of the earlier block, and from its readers, to the first writer of the
    later one. For SNAPSHOT the former arrive at its snapshot, the latter at its commit.
    """
    size, first = len(part.rows), part.writer[part.first[:-1]]
    last = part.first[blocks + 1] - 1
    at, read = join(last, part.read_version)
    writer, reader = part.writer[last], part.reader[read]
    bit = np.arange(len(blocks))
    if part.form.kind == Kind.SERIAL:
        both = _closed(graph, order, np.concatenate((writer, reader)), np.concatenate((bit, bit[at])), budget)
        return [(both, first, both, first)]
    by_writer = _closed(graph, order, writer, bit, budget)
    by_reader = _closed(graph, order, size + reader, bit[at], budget)
    snapshot = np.where(first >= 0, size + first, -1)
    edges = ((by_writer, snapshot), (by_reader, first))
    return [(two[0], one[1], one[0], two[1]) for one in edges for two in edges]


def _closed(graph: Graph, order: Ints, node: Ints, bit: Ints, budget: Budget) -> _Bits:
    reach = np.zeros((len(graph.first_edge) - 1, (int(bit.max(initial=0)) >> 3) + 1), dtype=np.uint8)
    budget.spend(reach.shape[1] * (len(graph.successor) // 8 + 1))
    kernels.sow(reach, node, bit)
    kernels.close(graph.first_edge, graph.successor, order, reach)
    return reach
