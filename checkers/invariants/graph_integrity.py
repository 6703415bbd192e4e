"""graph: an edge always has both its nodes; what was added is there, and what was deleted is gone.

    T1 ── node 5 exists ── add edge 3 → 5 ── commit
    T2 ───── delete node 5 ── commit
    T3 ──────────────────────────────── traverse 3 → edge 3 → 5, and there is no node 5       dangling-edge

A node's edges go with it. Ids and edges are used once: those that were added again are not judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from checkers.dirty_reads import DIRTY_READS
from checkers.findings import anomaly, concurrency, findings, shown
from checkers.moments import Moment, operations
from harness.history import History
from harness.verdict import Anomaly, Evidence, Findings, Step

__all__ = ["check_graph"]

_STALE = "G-single-item-realtime"
_EDGES_NEEDED = 10
_KINDS = ("add_node", "add_edge", "delete_node", "traverse")


class _Look(NamedTuple):
    """What an acknowledged transaction saw around `start` before it changed anything itself."""

    at: Moment
    start: Any
    depth: int
    nodes: frozenset[Any]
    edges: tuple[Any, ...]
    leads_nowhere: bool  # The database could not follow the edges, since one of them has no node at its end.


@dataclass
class _Graph:
    """All that may have happened to one graph. An item is a node's id or an edge (source, kind, target)."""

    name: Any
    added: dict[Any, list[Moment]] = field(default_factory=lambda: defaultdict(list))
    deleted: dict[Any, list[Moment]] = field(default_factory=lambda: defaultdict(list))
    edges_of: dict[Any, list[Any]] = field(default_factory=lambda: defaultdict(list))
    looks: list[_Look] = field(default_factory=list)
    changers: set[int] = field(default_factory=set)

    def deletes_of(self, item: Any) -> list[Moment]:
        """Who may have deleted a node, or one of an edge's nodes and the edge with it."""
        ends = (item[0], item[2]) if isinstance(item, tuple) else (item,)
        return [at for end in ends for at in self.deleted.get(end, ()) if at.possible]

    def adder(self, item: Any) -> Moment | None:
        """Who added it; None where that is unknown, or more than one may have."""
        possible = [at for at in self.added.get(item, ()) if at.possible]
        return possible[0] if len(possible) == 1 else None


class _Wrong(NamedTuple):
    """What is wrong with what somebody saw: `item` is the node or edge, `other` who added or deleted it."""

    name: str
    look: _Look
    item: Any
    other: Moment | None
    sentence: str


def check_graph(history: History) -> Findings:
    """dangling-edge, stale reads in real time (lost edges and deleted ones among them), and dirty reads."""
    graphs = _graphs(history)
    wrong = [one for graph in graphs for look in graph.looks for one in _wrong(graph, look, whole=not history.cut)]
    edges = sum(len(look.edges) for graph in graphs for look in graph.looks)
    deleted = sum(at.ok for graph in graphs for moments in graph.deleted.values() for at in moments)
    return findings(
        "graph",
        history,
        searched=("dangling-edge", _STALE, *DIRTY_READS),
        anomalies=[_anomaly(history, name, wrong) for name in sorted({one.name for one in wrong})],
        evidence=[
            concurrency(history),
            Evidence("edges seen", edges, _EDGES_NEEDED),
            Evidence("nodes deleted", deleted, 1),
        ],
    )


def _graphs(history: History) -> list[_Graph]:
    graphs: dict[Any, _Graph] = {}
    for at, op in operations(history, _KINDS):
        graph = graphs.setdefault(op.key, _Graph(op.key))
        if op.kind == "traverse":
            (start, depth), seen = op.value
            # What a transaction sees of its own changes says nothing of others.
            if at.ok and at.row not in graph.changers and seen is not None:
                graph.looks.append(_Look(at, start, depth, frozenset(seen[0]), seen[1] or (), seen[1] is None))
            continue
        graph.changers.add(at.row)
        if op.kind == "delete_node":
            graph.deleted[op.value].append(at)
        elif op.kind == "add_node":
            graph.added[op.value].append(at)
        elif op.value[1] is not False:
            edge = op.value[0]
            graph.added[edge].append(at)
            graph.edges_of[edge[0]].append(edge)
    return list(graphs.values())


def _wrong(graph: _Graph, look: _Look, whole: bool) -> Iterator[_Wrong]:
    """Everything that is wrong with what one transaction saw. Of a cut history, only what is no matter of absence."""
    yield from _dangling(graph, look)
    for item in (*look.nodes, *look.edges):
        yield from _dirty(graph, look, item, whole)
        yield from _deleted(graph, look, item)
    if whole:
        for item in _expected(graph, look):
            yield from _missing(graph, look, item)


def _dangling(graph: _Graph, look: _Look) -> Iterator[_Wrong]:
    if look.leads_nowhere:
        sentence = f"T{look.at.row} could not follow the edges of {_shown(look.start)}: one of them leads to no node."
        yield _Wrong("dangling-edge", look, look.start, None, sentence)
    for edge in look.edges:
        for end in (edge[0], edge[2]):
            if end not in look.nodes:
                sentence = f"T{look.at.row} saw the edge {_shown(edge)}, but no node {_shown(end)}."
                yield _Wrong("dangling-edge", look, edge, None, sentence)


def _dirty(graph: _Graph, look: _Look, item: Any, whole: bool) -> Iterator[_Wrong]:
    """What only aborted transactions added, or nobody."""
    adders = graph.added.get(item, [])
    if not adders and whole:
        yield _Wrong("garbage-read", look, item, None, f"T{look.at.row} saw {_shown(item)}, but nobody added that.")
    if adders and not any(at.possible for at in adders):
        sentence = f"T{look.at.row} saw {_shown(item)}, which T{adders[0].row} added and was aborted."
        yield _Wrong("G1a", look, item, adders[0], sentence)


def _deleted(graph: _Graph, look: _Look, item: Any) -> Iterator[_Wrong]:
    """What had been deleted, for good, before the transaction began."""
    adder = graph.adder(item)
    for at in graph.deletes_of(item):
        if adder is not None and adder.ok and adder.end < at.start and at.ok and at.end < look.at.start:
            sentence = f"T{look.at.row} saw {_shown(item)}, although T{at.row} had deleted it and had ended before."
            yield _Wrong(_STALE, look, item, at, sentence)
            return


def _expected(graph: _Graph, look: _Look) -> list[Any]:
    """What a look around this node has to show, as far as it is there."""
    followed = look.depth >= 1 and look.start in look.nodes and not look.leads_nowhere
    edges = graph.edges_of.get(look.start, []) if followed else []
    return [item for item in (look.start, *edges) if item not in look.nodes and item not in look.edges]


def _missing(graph: _Graph, look: _Look, item: Any) -> Iterator[_Wrong]:
    """What had been added before the transaction began, and nobody can have deleted."""
    adder = graph.adder(item)
    if adder is None or not adder.ok or adder.end >= look.at.start:
        return
    if not any(at.start <= look.at.end for at in graph.deletes_of(item)):
        sentence = (
            f"T{look.at.row} did not see {_shown(item)}, although T{adder.row} had added it and had ended before."
        )
        yield _Wrong(_STALE, look, item, adder, sentence)


def _shown(item: Any) -> str:
    return f"{shown(item[0])} -{shown(item[1])}-> {shown(item[2])}" if isinstance(item, tuple) else shown(item)


def _anomaly(history: History, name: str, wrong: list[_Wrong]) -> Anomaly:
    """The first one; the count is that of the nodes and edges."""
    those = [one for one in wrong if one.name == name]
    first = those[0]
    reader = first.look.at.row
    rows = (reader,) if first.other is None else (first.other.row, reader)
    steps = _steps(first) if name == _STALE else ()
    count = len({one.item for one in those})
    return anomaly(history, name, rows, first.sentence, steps=steps, seen=(first.item,), count=count)


def _steps(wrong: _Wrong) -> list[Step]:
    assert wrong.other is not None
    reader, writer = wrong.look.at.row, wrong.other.row
    return [
        Step("realtime", writer, reader, None, None, f"T{writer} had ended before T{reader} began."),
        Step("rw", reader, writer, wrong.item, None, wrong.sentence),
    ]
