"""The whole dependency graph of a list-append history, for tools that draw or search graphs themselves.

Nodes are all transactions. Edges are ww, wr and rw, and session order from each transaction of a client to its next;
real time is not among them: it leads from nearly every transaction to nearly every later one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from checkers.compiling import prepare
from checkers.evidence import numbered_clients
from checkers.graphs import kernels
from checkers.graphs.cycles import Link
from checkers.graphs.graph import SESSION, Edges
from checkers.lists.dependencies import dependencies
from checkers.lists.list_append import no_evidence
from checkers.lists.observations import Observations, observe
from checkers.lists.proof import step_of
from harness.history import History, Status
from harness.verdict import Step

__all__ = ["WholeGraph", "whole_graph"]


class WholeGraph(NamedTuple):
    """The edges between rows of `seen.history`, and how many rw edges were too many for a read to be followed."""

    seen: Observations
    edges: Edges
    left_out: int

    def steps(self) -> Iterator[Step]:
        """Each edge with what shows it, in a sentence."""
        columns = (self.edges.source, self.edges.target, self.edges.kind, self.edges.mark)
        for source, target, kind, mark in zip(*(column.tolist() for column in columns), strict=True):
            yield step_of(self.seen, Link(source=source, target=target, kind=kind, mark=mark))


def whole_graph(history: History) -> WholeGraph:
    """The graph of a list-append history. Raises ValueError with a sentence where the history is no evidence."""
    seen = observe(history)
    history = seen.history
    for doubt in no_evidence(history, seen):
        raise ValueError(doubt.sentence)
    edges, left_out = dependencies(seen, atomic_append=history.info.append == "atomic")
    prepare(kernels, len(history.op_kind))
    leads = seen.included & (history.status == Status.OK)
    before = kernels.predecessors(*numbered_clients(history), seen.included, leads)
    after = np.flatnonzero(before >= 0)
    session = Edges(
        source=before[after], target=after, kind=np.full(len(after), SESSION), mark=np.full(len(after), -1)
    )
    joined = (
        np.concatenate((getattr(edges, name), getattr(session, name)))
        for name in ("source", "target", "kind", "mark")
    )
    return WholeGraph(seen, Edges(**dict(zip(("source", "target", "kind", "mark"), joined, strict=True))), left_out)
