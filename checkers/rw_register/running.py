"""A part run like a database with one version of each key: who may go, goes, and each write replaces what is there.

A transaction waits for those that must come before it, and, before it replaces a version, for the readers of that
version. If everybody has gone, the order is a solution. If all wait for one another, then some write came too early.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from checkers.joins import Ints
from checkers.rw_register import kernels
from checkers.rw_register.forms import Kind
from checkers.rw_register.part import Graph, Part

__all__ = ["Run", "Runner"]


class Run(NamedTuple):
    """The nodes in the order in which they went, and of those that could not go what they wait for.

    `followed` (f, 2) are pairs of blocks (earlier, later): each block that began with the one before it, `hindering`
    (h, 2) those of which the earlier one still has members or readers to come, the later one being begun or not.
    """

    order: Ints
    followed: Ints
    hindering: Ints


class Runner:
    """What each node of a part begins, ends and takes itself off, prepared once for many runs."""

    def __init__(self, part: Part) -> None:
        self.part = part
        size, kind, nodes = len(part.rows), part.form.kind, part.form.nodes(len(part.rows))
        first = part.writer[part.first[:-1]]
        real = np.flatnonzero(first >= 0)
        snapshots = size if kind == Kind.SNAPSHOT else 0
        block = np.repeat(np.arange(part.blocks), np.diff(part.first))
        written = np.flatnonzero(part.writer >= 0)
        last = np.flatnonzero(part.first[block[part.read_version] + 1] - 1 == part.read_version)
        if kind == Kind.PARALLEL:
            last = last[:0]
        self.begins = _by_node(first[real] + snapshots, real, nodes)
        self.ends = (
            _by_node(first[real], real, nodes) if kind != Kind.PARALLEL else _by_node(first[:0], real[:0], nodes)
        )
        self.leaves = _by_node(
            np.concatenate((part.writer[written], part.reader[last] + snapshots)),
            np.concatenate((block[written], part.blocks + block[part.read_version[last]])),
            nodes,
        )
        self.left = np.bincount(self.leaves[0], minlength=2 * part.blocks)
        self.key = np.repeat(np.arange(len(part.of_key) - 1), np.diff(part.of_key))
        moment = part.problem.history.start + part.problem.last_moment()
        self.priority = np.resize(np.argsort(np.argsort(moment[part.rows], kind="stable")), nodes)

    def run(self, graph: Graph) -> Run:
        """Run as far as it goes."""
        barriers = np.zeros(len(graph.first_edge) - 1 - len(self.priority), dtype=np.int64)
        begins, ends, leaves = (
            (value, np.append(offset, barriers + offset[-1]))
            for value, offset in (self.begins, self.ends, self.leaves)
        )
        current, left = self.part.of_key[:-1].copy(), self.left.copy()
        order, before = kernels.run(
            graph.first_edge,
            graph.successor,
            np.append(self.priority, barriers),
            *begins,
            *ends,
            *leaves,
            self.key,
            current,
            left,
        )
        begun = np.flatnonzero(before >= 0)
        followed = np.column_stack((before[begun], begun))
        busy = left.reshape(2, -1).sum(axis=0) > 0
        waiting = np.flatnonzero((before == -2) & (np.arange(len(before)) != self.part.of_key[self.key]))
        pairs = np.concatenate((followed, np.column_stack((current[self.key[waiting]], waiting))))
        return Run(order, followed, pairs[busy[pairs[:, 0]]])


def _by_node(node: Ints, value: Ints, nodes: int) -> tuple[Ints, Ints]:
    """The values sorted by node, and where each node's begin."""
    order = np.argsort(node, kind="stable")
    return value[order], np.searchsorted(node[order], np.arange(nodes + 1))
