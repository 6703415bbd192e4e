"""Read atomic and causal consistency of lists: whoever sees a transaction sees all of it, and all that it saw.

    A  append x 1 · append y 1
    B  read x = [1] · read y = []        fractured-read: B saw A by x and missed it by y
    C  read x = [1] · append z 1
    D  read z = [1] · read y = []        causality-violation: D saw C, which had seen A, and missed A

A transaction is visible to another that read one of its appends (and, with session order, to all later ones of its
session). It must then be in everything that the other reads: in read atomic directly, in causal consistency through
any number of steps (Cerone, Bernardi & Gotsman 2015; Biswas & Enea 2019). The order of appends is no cause.

The search runs on the residue of the dependency graph only. A chain and a tree of passing nodes for each key keep
that small: what a list shows comes down the chain, what it lacks is a few branches of the tree.

    appends   T1    T2    T3    T4      T1 → P0 → P1 → P2 → P3     a reader of two elements hangs on P1
    places     0     1     2     3      Q1 → Q2 → T1, T2           and leads to Q3: it misses T3 and T4,
                                        Q1 → Q3 → T3, T4           those of them that are not itself
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from checkers.catalogue import directly_refuted, refutes
from checkers.findings import concurrency, findings
from checkers.findings import shown_element as shown
from checkers.graphs.cycle_classes import component_numbers, mask, positions, ways_back
from checkers.graphs.graph import RW, SESSION, WR, Edges, Residue, residue
from checkers.lists.dependencies import dependencies
from checkers.lists.list_append import no_evidence
from checkers.lists.observations import Observations, observe
from harness.fingerprint import fingerprint, witness
from harness.history import History, Status
from harness.verdict import Anomaly, Doubt, Evidence, Findings, Step

__all__ = ["Unseen", "check_visibility", "unseen_but_visible"]

Ints = npt.NDArray[np.int64]

_BUDGET = 100_000_000
_READS_NEEDED = 10
_NAMES = ("fractured-read", "fractured-read-process", "causality-violation", "causality-violation-process")
_SEARCHED = directly_refuted(_NAMES)


def check_visibility(history: History) -> Findings:
    """Judge a list-append history as read-atomic and causal-cerone, with and without session order.

    Dirty reads and contradicting orders are the list-append checker's to find.
    """
    seen = observe(history)
    edges, _ = dependencies(seen, atomic_append=history.info.append == "atomic")
    unseen = unseen_but_visible(seen, residue(history, seen.included, edges))
    cut_short = Doubt("budget", "the search for what was visible and not seen was cut short")
    return findings(
        "visibility",
        history,
        searched=_NAMES,
        decided=_SEARCHED,
        anomalies=unseen.anomalies,
        evidence=[concurrency(history), Evidence("lists read", len(seen.read_op), _READS_NEEDED)],
        doubts=[*no_evidence(history, seen), *([cut_short._replace(levels=_SEARCHED)] if unseen.cut_short else [])],
    )


class Unseen(NamedTuple):
    """The anomalies found, and whether the search was cut short."""

    anomalies: list[Anomaly]
    cut_short: bool


def unseen_but_visible(seen: Observations, residue: Residue, *, budget: int = _BUDGET) -> Unseen:
    """fractured-read and causality-violation, each with a shortest cycle, with and without session order.

    `budget` limits the edges looked at by each of the two searches.
    """
    if not len(residue.rows):
        return Unseen([], False)
    plain, left = _search(seen, residue, sessions=False, budget=budget)
    session, left_of_session = _search(seen, residue, sessions=True, budget=budget)
    found = [_anomaly(seen, plain, "")] if plain else []
    # A session's own anomaly is told where it is another one, or refutes more.
    if session and (not plain or len(session) == 2 < len(plain)):
        found.append(_anomaly(seen, session, "-process"))
    return Unseen(found, min(left, left_of_session) < 0)


@dataclass
class _Graph:
    """Edges being collected; nodes 0..r-1 are the residue's rows, all others are passed through at no cost."""

    nodes: int
    source: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    lacking: dict[int, int] = field(default_factory=dict)  # By reader: the node that leads to all that it lacks.

    def add(self, source: int, target: int, kind: int = WR) -> None:
        self.source.append(source)
        self.target.append(target)
        self.kind.append(kind)

    def more(self, count: int) -> int:
        """The first of `count` new nodes."""
        self.nodes += count
        return self.nodes - count

    def add_lacking(self, reader: int, target: int) -> None:
        """The reader missed all that `target` stands for."""
        if reader not in self.lacking:
            self.lacking[reader] = self.more(1)
            self.add(reader, self.lacking[reader], RW)
        self.add(self.lacking[reader], target)

    def residue(self, rows: Ints) -> Residue:
        """The same as columns."""
        source, target, kind = (np.array(one, dtype=np.int64) for one in (self.source, self.target, self.kind))
        passing = np.arange(self.nodes) >= len(rows)
        return Residue.of(rows, passing, Edges(source=source, target=target, kind=kind, mark=kind))


class _Key(NamedTuple):
    """Of one key, by nodes of the residue: the least and greatest reach of its reads, and the places of its appends.

    An append that no list shows has the place behind the order.
    """

    reach: dict[int, tuple[int, int]]
    appended: dict[int, list[int]]


def _search(seen: Observations, residue: Residue, *, sessions: bool, budget: int) -> tuple[list[int], int]:
    """Rows of a shortest cycle, the missed transaction first and its reader last, and the budget that is left."""
    graph = _Graph(len(residue.passing))
    if sessions:
        ordered = np.flatnonzero(residue.edges.kind == SESSION)
        for source, target in zip(residue.edges.source[ordered], residue.edges.target[ordered], strict=True):
            graph.add(int(source), int(target))
    for key, known in _by_key(seen, residue).items():
        _connect(graph, known, _order(seen, residue, key))
    whole = graph.residue(residue.rows)
    start = np.flatnonzero(whole.edges.kind == RW)
    visible = mask((WR,))
    way, left = ways_back(
        whole,
        np.zeros(graph.nodes, dtype=np.int64),
        start,
        np.zeros(len(start), dtype=np.int64),
        visible,
        adjacent=True,
        position=positions(component_numbers(whole, visible)),
        best=np.full(1, -1, dtype=np.int64),
        budget=budget,
    )
    return [int(residue.rows[node]) for node in way if node < len(residue.rows)], left


def _order(seen: Observations, residue: Residue, key: int) -> list[int]:
    """For each place of the key's order the node of its writer, -1 where that is not part of the residue."""
    if seen.order_list[key] < 0:
        return []
    first = int(seen.list_first[seen.order_list[key]])
    writer = seen.place_writer[first : first + int(seen.order_size[key])]
    node = np.minimum(np.searchsorted(residue.rows, writer), len(residue.rows) - 1)
    nodes: list[int] = np.where(residue.rows[node] == writer, node, -1).tolist()
    return nodes


def _by_key(seen: Observations, residue: Residue) -> dict[int, _Key]:
    """What the residue's rows read and appended, of keys whose reads agree on an order."""
    inside = np.zeros(len(seen.history), dtype=bool)
    inside[residue.rows] = True
    found: dict[int, _Key] = defaultdict(lambda: _Key({}, defaultdict(list)))
    appends = np.flatnonzero(inside[seen.append_row] & ~seen.disputed[seen.append_key])
    nodes = residue.nodes_of(seen.append_row[appends])
    for append, node in zip(appends.tolist(), nodes.tolist(), strict=True):
        key, place = int(seen.append_key[append]), int(seen.append_place[append])
        # An append that is a read and a write may have been overwritten: then no list has to show it.
        if place >= 0 or seen.history.info.append == "atomic":
            found[key].appended[node].append(place if place >= 0 else int(seen.order_size[key]))
    reads = np.flatnonzero(inside[seen.read_row] & ~seen.disputed[seen.read_key] & (seen.read_reach >= 0))
    for read, node in zip(reads.tolist(), residue.nodes_of(seen.read_row[reads]).tolist(), strict=True):
        reach, known = int(seen.read_reach[read]), found[int(seen.read_key[read])].reach
        least, greatest = known.get(node, (reach, reach))
        known[node] = min(least, reach), max(greatest, reach)
    return found


def _connect(graph: _Graph, key: _Key, order: list[int]) -> None:
    """The chain and the tree of a key, and the readers that hang on them."""
    hidden = [node for node, places in key.appended.items() if len(order) in places]
    in_no_list = {node: len(order) + place for place, node in enumerate(hidden)}
    line = [*order, *in_no_list]
    chain, tree = graph.more(len(order)), graph.more(len(line))
    for place, writer in enumerate(order):
        if writer >= 0:
            graph.add(writer, chain + place)
        if place:
            graph.add(chain + place - 1, chain + place)
    nodes = [*range(tree, tree + len(line)), *line]
    for node in range(1, len(line)):
        for below in (nodes[2 * node], nodes[2 * node + 1]):
            if below >= 0:
                graph.add(nodes[node], below)
    for reader, (least, greatest) in key.reach.items():
        if greatest:
            graph.add(chain + greatest - 1, reader)
        own = [place if place < len(order) else in_no_list[reader] for place in key.appended.get(reader, ())]
        at = least
        for place in (*sorted(own), len(line)):
            if place >= least:
                for node in _cover(at, place, len(line)):
                    if nodes[node] >= 0:
                        graph.add_lacking(reader, nodes[node])
                at = place + 1


def _cover(low: int, high: int, size: int) -> Iterator[int]:
    """The nodes of a tree of `size` leaves, numbered as in a heap, that together stand for leaves low .. high - 1."""
    low, high = low + size, high + size
    while low < high:
        if low & 1:
            yield low
            low += 1
        if high & 1:
            high -= 1
            yield high
        low, high = low // 2, high // 2


# The witness


def _anomaly(seen: Observations, rows: list[int], suffix: str) -> Anomaly:
    name = ("fractured-read" if len(rows) == 2 else "causality-violation") + suffix
    steps = (*(_shows(seen, before, after) for before, after in pairwise(rows)), _lacks(seen, rows[-1], rows[0]))
    return Anomaly(
        name=name,
        txns=tuple(rows),
        steps=steps,
        refutes=refutes(name),
        sentence=f"T{rows[-1]} had to see all of T{rows[0]}, and missed a part: {steps[-1].sentence}",
        fingerprint=fingerprint(seen.history.info, name, [step.kind for step in steps]),
        witness=witness(name, [tuple(step[:5]) for step in steps]),
    )


def _reads_of(seen: Observations, row: int) -> list[int]:
    reads: list[int] = np.flatnonzero((seen.read_row == row) & (seen.read_reach >= 0)).tolist()
    return reads


def _shows(seen: Observations, before: int, after: int) -> Step:
    """Why one transaction is visible to the next: a read that has its append, or their session."""
    history = seen.history
    for read in _reads_of(seen, after):
        if not seen.read_size[read]:
            continue
        first = int(seen.list_first[seen.read_list[read]])
        writers = seen.place_writer[first : first + int(seen.read_size[read])]
        places = np.flatnonzero(writers == before)
        if len(places):
            op = history.op(int(seen.read_op[read]))
            element = history.values[int(seen.place_element[first + int(places[-1])])]
            sentence = (
                f"T{after} read {shown(op.key)} = {shown(op.value)} with {shown(element)}, which T{before} appended."
            )
            return Step("wr", before, after, op.key, element, sentence)
    assert history.client[before] == history.client[after]
    assert history.status[before] == Status.OK
    sentence = f"client {int(history.client[before])} ran T{before} before T{after}."
    return Step("session", before, after, None, None, sentence)


def _lacks(seen: Observations, reader: int, writer: int) -> Step:
    """The read that misses an append of the writer."""
    history = seen.history
    appends = np.flatnonzero(seen.append_row == writer)
    for read in _reads_of(seen, reader):
        places = seen.append_place[appends]
        missed = appends[
            (seen.append_key[appends] == seen.read_key[read]) & ((places < 0) | (places >= seen.read_reach[read]))
        ]
        if len(missed):
            op = history.op(int(seen.read_op[read]))
            element = history.values[int(history.op_value[seen.append_op[missed[0]]])]
            missed_it = f"T{reader} read {shown(op.key)} = {shown(op.value or [])} without {shown(element)}"
            return Step("rw", reader, writer, op.key, element, f"{missed_it}, which T{writer} appended.")
    raise AssertionError("the search followed an edge that no read shows")
