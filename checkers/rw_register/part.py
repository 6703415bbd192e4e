"""A part of a history as a graph of what is known, and every either/or that is still open.

either block A before block B of key k:  last of A → first of B,  readers of A's last → first of B
or     block B before block A:           last of B → first of A,  readers of B's last → first of A
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from checkers.joins import Ints, join
from checkers.rw_register import kernels
from checkers.rw_register.forms import Form, Kind, Order, antis, dependencies, own
from checkers.rw_register.placement import barriers, tied_sessions
from checkers.rw_register.problem import Problem

__all__ = ["Facts", "Graph", "Part", "joined"]


class Facts(NamedTuple):
    """Orders between transactions (f,), as numbers of a part's rows.

    `anti` marks anti-dependencies; `version` is the version overwritten or read, -1 for the order of a session;
    `reason` is -1 for what is certain, otherwise it leads to why it is assumed.
    """

    before: Ints
    after: Ints
    anti: Ints
    version: Ints
    reason: Ints


class Graph(NamedTuple):
    """Edges sorted by source, each with the number of its fact, -1 for real time and for a node's other half."""

    first_edge: Ints
    source: Ints
    successor: Ints
    fact: Ints


def joined(*facts: Facts) -> Facts:
    """All of them, one after another."""
    return Facts(*(np.concatenate(column) for column in zip(*facts, strict=True)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """The rows (s,) of a part; its versions (v,) sorted by key, block and place; its reads sorted by version.

    `writer` is a number into `rows`, or -1. Block b has the versions first[b]..first[b + 1] and was called `name[b]`;
    key k has the blocks of_key[k]..of_key[k + 1], the initial version's block first.
    """

    problem: Problem
    form: Form
    rows: Ints
    writer: Ints  # (v,)
    first: Ints  # (blocks + 1,)
    name: Ints  # (blocks,)
    of_key: Ints  # (keys + 1,)
    read_version: Ints  # (r,) ascending
    reader: Ints  # (r,)

    @classmethod
    def of(cls, problem: Problem, form: Form, rank: Ints) -> Part:
        """The part that is `problem`, its blocks in the order of `rank`."""
        rows = np.flatnonzero(problem.included)
        number = np.full(len(problem.history) + 1, -1, dtype=np.int64)
        number[rows] = np.arange(len(rows))
        sequence = np.lexsort((problem.depth, rank[problem.block]))
        place = np.empty(len(sequence), dtype=np.int64)
        place[sequence] = np.arange(len(sequence))
        block, key = problem.block[sequence], problem.version_key[sequence]
        starts = np.flatnonzero(np.append(True, block[1:] != block[:-1])[: len(block)])
        key_of_block = key[starts]
        by_version = np.argsort(place[problem.read_version], kind="stable")
        return cls(
            problem=problem,
            form=form,
            rows=rows,
            writer=number[problem.version_row[sequence]],
            first=np.append(starts, len(block)),
            name=block[starts],
            of_key=np.append(
                np.flatnonzero(np.append(True, key_of_block[1:] != key_of_block[:-1])[: len(starts)]), len(starts)
            ),
            read_version=place[problem.read_version][by_version],
            reader=number[problem.read_row][by_version],
        )

    @property
    def blocks(self) -> int:
        return len(self.name)

    def known(self) -> Facts:
        """What was read, what follows within blocks, that initial versions come first, and the order of sessions."""
        seen = np.flatnonzero(self.writer[self.read_version] >= 0)
        read = _facts(self.writer[self.read_version[seen]], self.reader[seen], False, self.read_version[seen])
        within = np.ones(len(self.writer), dtype=np.bool_)
        within[self.first[1:] - 1] = False
        version = np.flatnonzero(within)
        initial = self.of_key[:-1]
        others = np.diff(self.of_key) - 1
        later = np.arange(self.blocks)
        later = np.delete(later, initial)
        session = tied_sessions(self.problem, self.form)
        before, after = (np.searchsorted(self.rows, side) for side in session)
        return joined(
            read,
            self._overwriting(version, self.writer[version + 1], np.full(len(version), -1)),
            self.placed(np.repeat(initial, others), later, np.full(len(later), -1)),
            _facts(before, after, False, np.full(len(before), -1)),
        )

    def placed(self, one: Ints, two: Ints, reason: Ints) -> Facts:
        """What follows if each block of `one` stands before the block of `two` beside it."""
        return self._overwriting(self.first[one + 1] - 1, self.writer[self.first[two]], reason)

    def _overwriting(self, version: Ints, writer: Ints, reason: Ints) -> Facts:
        source = self.writer[version]
        real = np.flatnonzero(source >= 0)
        at, read = join(version, self.read_version)
        other = self.reader[read] != writer[at]
        at, read = at[other], read[other]
        return joined(
            _facts(source[real], writer[real], False, version[real], reason[real]),
            _facts(self.reader[read], writer[at], True, version[at], reason[at]),
        )

    def graph(self, facts: Facts) -> Graph:
        """The graph of these facts, of real time and of each transaction's own nodes."""
        time, count = self._real_time()
        within = own(self.form.kind, len(self.rows))
        source, target, fact = self.edges(facts)
        source, target = (np.concatenate(side) for side in zip((source, target), within, time, strict=True))
        fact = np.append(fact, np.full(len(source) - len(fact), -1))
        first_edge, order = kernels.by_source(source, self.form.nodes(len(self.rows)) + count)
        return Graph(first_edge, source[order], target[order], fact[order])

    def edges(self, facts: Facts) -> tuple[Ints, Ints, Ints]:
        """The edges (source, target, number of the fact) of these facts; PARALLEL has two for a dependency."""
        size, kind = len(self.rows), self.form.kind
        number = np.arange(len(facts.before))
        anti = facts.anti.astype(np.bool_)
        depends = dependencies(kind, size, facts.before[~anti], facts.after[~anti])
        missed = antis(kind, size, facts.before[anti], facts.after[anti])
        numbers = np.append(np.resize(number[~anti], len(depends[0])), number[anti])
        return np.append(depends[0], missed[0]), np.append(depends[1], missed[1]), numbers

    def _real_time(self) -> tuple[tuple[Ints, Ints], int]:
        """The edges of real time, by way of barriers numbered behind the nodes, and how many barriers there are."""
        size = len(self.rows)
        if self.form.order != Order.REALTIME:
            return (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)), 0
        chain = barriers(self.problem, self.rows, self.rows)
        number = np.full(len(self.problem.history), -1, dtype=np.int64)
        number[self.rows] = np.arange(size)
        nodes = self.form.nodes(size)
        into = size if self.form.kind == Kind.SNAPSHOT else 0  # Time leads from a commit to a snapshot.
        source = np.where(chain.source < 0, nodes + ~chain.source, number[np.maximum(chain.source, 0)])
        target = np.where(chain.target < 0, nodes + ~chain.target, into + number[np.maximum(chain.target, 0)])
        if self.form.kind != Kind.PARALLEL:
            return (source, target), chain.count
        # Barriers too have a node in each layer.
        second = [np.where(side < nodes, side + size, side + chain.count) for side in (source, target)]
        return (np.append(source, second[0]), np.append(target, second[1])), 2 * chain.count

    def rows_of_nodes(self, nodes: Ints) -> Ints:
        """The rows of the history that these nodes stand for, barriers left out."""
        size = len(self.rows)
        return self.rows[nodes[nodes < self.form.nodes(size)] % size]


def _facts(before: Ints, after: Ints, anti: bool, version: Ints, reason: Ints | None = None) -> Facts:
    count = len(before)
    return Facts(
        before.astype(np.int64),
        after.astype(np.int64),
        np.full(count, int(anti), dtype=np.int64),
        version.astype(np.int64),
        np.full(count, -1, dtype=np.int64) if reason is None else reason.astype(np.int64),
    )
