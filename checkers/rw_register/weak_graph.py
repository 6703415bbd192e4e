"""The graph of one level: who must precede whom in any order of commits that the level allows.

    wr       the writer precedes its reader
    session  a client's transaction precedes its next one, in the session form of a level
    forced   a transaction that a reader had to see precedes the one from which the reader read instead

A level allows a history iff its graph has no cycle (Biswas & Enea, OOPSLA 2019).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from checkers.compiling import prepare
from checkers.graphs import kernels
from checkers.joins import Bools
from checkers.registers import INITIAL
from checkers.rw_register import weak_kernels
from checkers.rw_register.weak_accesses import Accesses
from checkers.rw_register.weak_kernels import Ints

__all__ = ["NOT_KNOWN", "Components", "Forced", "Graph", "components", "forced_by_reads", "no_forced", "peeled"]

NOT_KNOWN = -1  # Which read forced an edge.


class Forced(NamedTuple):
    """Edges: row `before` precedes row `after`, because of the read numbered `read` in the accesses.

    Where that read saw the version before the first write, no writer can come behind; the contradiction is told
    by an edge from the reader to the writer that it missed.
    """

    before: Ints
    after: Ints
    read: Ints


class Graph(NamedTuple):
    """`previous` (n,) as in the accesses, all -1 where sessions do not count. `level` is called as without them."""

    level: str
    session: bool
    accesses: Accesses
    previous: Ints
    forced: Forced


class Components(NamedTuple):
    """The cycles of a graph: rows (c,) with the number of their component, none of them of a single row."""

    rows: Ints
    number: Ints
    before: Ints  # (e,) all edges within a component, as rows; wr, then session, then forced
    after: Ints


def no_forced() -> Forced:
    """No edge at all."""
    nothing = np.empty(0, dtype=np.int32)
    return Forced(nothing, nothing, nothing)


def forced_by_reads(accesses: Accesses, seen: Ints, read: Ints) -> Forced:
    """The edges of reads `read` whose readers had to see rows `seen`."""
    writer = accesses.read_writer[read]
    initial = writer == INITIAL
    if not initial.any():
        return Forced(seen, writer, read)
    reader = accesses.reader(read).astype(np.int32)
    return Forced(np.where(initial, reader, seen), np.where(initial, seen, writer), read)


def peeled(graph: Graph) -> tuple[Ints, int]:
    """(order, taken): the last `taken` of `order` are the rows from which no cycle is reached, in an order kept."""
    accesses, forced = graph.accesses, graph.forced
    first, order = weak_kernels.group(forced.after, len(graph.previous))
    return weak_kernels.peel(accesses.read_first, accesses.read_writer, graph.previous, first, forced.before[order])


def components(graph: Graph) -> Components:
    """The strongly connected components of more than one row."""
    left = _left(*peeled(graph))
    before, after = _edges(graph, left)
    rows = np.flatnonzero(left)
    if not len(rows):
        return Components(rows, rows, rows, rows)
    prepare(kernels, len(before))
    number = _tarjan(rows, before, after)
    place = np.full(len(left), -1, dtype=np.int64)
    place[rows] = number
    inside = place[before] == place[after]
    several = np.bincount(number)[number] > 1
    return Components(rows[several], number[several], before[inside], after[inside])


def _left(order: Ints, taken: int) -> Bools:
    """Which rows were not taken."""
    left = np.ones(len(order), dtype=np.bool_)
    left[order[len(order) - taken :]] = False
    return left


def _edges(graph: Graph, among: Bools) -> tuple[Ints, Ints]:
    """(before, after): all edges between the rows of a mask."""
    accesses, forced = graph.accesses, graph.forced
    reads = np.flatnonzero(accesses.read_writer >= 0)
    reads = reads[among[accesses.read_writer[reads]]]
    readers = accesses.reader(reads)
    reads, readers = reads[among[readers]], readers[among[readers]]
    follows = np.flatnonzero(among & (graph.previous >= 0))
    follows = follows[among[graph.previous[follows]]]
    both = among[forced.before] & among[forced.after]
    before = np.concatenate((accesses.read_writer[reads], graph.previous[follows], forced.before[both]))
    after = np.concatenate((readers, follows, forced.after[both]))
    return before.astype(np.int64), after.astype(np.int64)


def _tarjan(rows: Ints, before: Ints, after: Ints) -> Ints:
    source, target = np.searchsorted(rows, before), np.searchsorted(rows, after)
    first, order = weak_kernels.group(source, len(rows))
    return kernels.tarjan(first, target[order], np.ones(len(order), dtype=np.bool_))
