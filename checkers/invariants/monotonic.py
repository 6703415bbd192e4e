"""monotonic: counters only grow, and a number tells its place in the order of all increments.

    T1 ── incr a 1 → 7 ── commit                  the versions of a key are its numbers, so every dependency
    T2 ── incr b 1 → 3 ── commit                  is known: who made 7, who saw it, who came after it
    T3 ── r a 7 ── r b 2                          T1 before T2
    T4 ── r a 6 ── r b 3                          T2 before T1

The cycles of these dependencies have the names of list-append. Increments whose answer never came are unknown
versions: what is known lies before or after them all the same. That numbers tell the order holds unless an update
was lost, which is a G-single-item by itself: no cycle that rests on it is given a smaller name. A number that only an
aborted increment can have made is G1a. The name is Jepsen's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from checkers.catalogue import CATALOGUE, CLASSES
from checkers.findings import anomaly, concurrency, findings, shown
from checkers.graphs.cycles import Cycle, CycleName, Link, find_cycles
from checkers.graphs.graph import KIND_NAMES, RW, WR, WW, Edges, residue
from checkers.graphs.steps import order_step
from checkers.moments import Moment, operations
from harness.history import UNSEEN, History, Status
from harness.verdict import Anomaly, Doubt, Evidence, Findings, Step

__all__ = ["check_monotonic"]

_SEARCHED = (
    *(row.name for row in CATALOGUE if row.name.startswith("G") and "item" in row.name),
    "G0",
    "G1c",
    "G1b",
    "G1a",
)
_READS_NEEDED = 10
_LOST_UPDATE = CycleName(CLASSES.index("G-single"), suffix=0, kind=0)


@dataclass
class _Counter:
    """One key: who made which number, the last of each transaction, and who of the acknowledged saw which."""

    key: Any
    makers: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    made_by: dict[int, int] = field(default_factory=dict)
    reads: list[tuple[int, int]] = field(default_factory=list)  # (row, number), its own increments not counted
    grown: dict[int, int] = field(default_factory=dict)  # What a transaction made of it so far.
    refused: dict[int, int] = field(default_factory=dict)  # What aborted increments made of it, and whose they are.
    unsure: set[int | None] = field(default_factory=set)  # What those of unknown fate did, None where nobody knows.
    odd: int = -1

    @property
    def disputed(self) -> bool:
        """Whether one number was made twice: then numbers tell no order."""
        return any(len(rows) > 1 for rows in self.makers.values())


class _Edge(NamedTuple):
    source: int
    target: int
    kind: int
    key: Any
    number: int  # What was read or, of a ww edge, made by the target.
    certain: bool = False  # Whether it holds even if an update was lost.


def check_monotonic(history: History) -> Findings:
    """Cycles of the exact dependencies of counters, duplicate-id, and dirty reads (G1a and G1b)."""
    counters = list(_counters(history).values())
    clear = [one for one in counters if not one.disputed]
    reads = sum(len(one.reads) for one in counters)
    return findings(
        "monotonic",
        history,
        searched=(*_SEARCHED, "duplicate-id"),
        anomalies=[
            *_twice(history, counters),
            *_aborted(history, counters),
            *_intermediate(history, clear),
            *_cycles(history, clear),
        ],
        evidence=[
            concurrency(history),
            Evidence("numbers read", reads, _READS_NEEDED),
            Evidence("numbers made", sum(len(one.makers) for one in counters), 1),
        ],
        doubts=[
            Doubt("evidence", f"T{one.odd} does not only read and add to {shown(one.key)}")
            for one in counters
            if one.odd >= 0
        ][:1],
    )


def _counters(history: History) -> dict[Any, _Counter]:
    counters: dict[Any, _Counter] = {}
    for at, op in operations(history, ("incr", "r", "w", "append", "cas", "delete")):
        counter = counters.setdefault(op.key, _Counter(op.key))
        if op.kind not in {"incr", "r"}:
            counter.odd = at.row
        elif at.ok and op.kind == "r" and at.row not in counter.grown:
            number = 0 if op.value is None else op.value
            if type(number) is int:
                counter.reads.append((at.row, number))
            elif number is not UNSEEN:
                counter.odd = at.row
        elif op.kind == "incr":
            _increment(counter, at, op.value)
    return counters


def _increment(counter: _Counter, at: Moment, value: Any) -> None:
    row = at.row
    added, number = value if isinstance(value, tuple) else (value, None)
    if value is not UNSEEN and (type(added) is not int or added <= 0):
        counter.odd = row
    elif not at.possible:
        counter.refused[number] = row
    elif not at.ok or type(number) is not int:
        counter.unsure.add(number if type(number) is int else None)
    else:
        if row not in counter.grown:
            counter.reads.append((row, number - added))
        else:
            counter.made_by.pop(counter.grown[row], None)
        counter.grown[row] = number
        counter.makers[number].append(row)
        counter.made_by[number] = row


def _edges(counter: _Counter) -> Iterator[_Edge]:
    """ww from each known version to the next, wr from a version to who saw it, rw from there to the next one."""
    numbers = sorted(counter.made_by)
    for before, after in pairwise(numbers):
        yield _Edge(counter.made_by[before], counter.made_by[after], WW, counter.key, after)
    places = np.searchsorted(numbers, [number for _, number in counter.reads], side="right").tolist()
    for (row, number), place in zip(counter.reads, places, strict=True):
        if number in counter.made_by:
            yield _Edge(counter.made_by[number], row, WR, counter.key, number, certain=not counter.unsure)
        if place < len(numbers):
            yield _Edge(row, counter.made_by[numbers[place]], RW, counter.key, number)


def _cycles(history: History, counters: list[_Counter]) -> Iterator[Anomaly]:
    """The cycles of what is certain, and those that hold unless an update was lost."""
    edges = [edge for one in counters for edge in _edges(one) if edge.source != edge.target]
    columns = np.array([edge[:3] for edge in edges], dtype=np.int64).reshape(-1, 3)
    graph = Edges(source=columns[:, 0], target=columns[:, 1], kind=columns[:, 2], mark=np.arange(len(edges)))
    certain = np.array([edge.certain for edge in edges], dtype=bool)
    included = np.asarray(history.status == Status.OK)
    sure = find_cycles(history, residue(history, included, graph.of(certain))).cycles
    every = find_cycles(history, residue(history, included, graph)).cycles
    named = [(one.name, one) for one in sure]
    for one in every:
        name = CycleName(*map(max, one.name, _LOST_UPDATE))
        if not any(other.covers(name) for other, _ in named):
            named.append((name, one))
    for name, one in named:
        yield _cycle(history, str(name), one, edges)


def _cycle(history: History, name: str, cycle: Cycle, edges: list[_Edge]) -> Anomaly:
    steps = tuple(_step(history, link, edges) for link in cycle.links)
    names = [f"T{step.before}" for step in steps]
    sentence = f"Each must come before the next: {' → '.join((*names, names[0]))}."
    if name != str(cycle.name):
        sentence = f"{sentence[:-1]}, or else an update was lost."
    rows = [step.before for step in steps]
    return anomaly(history, name, rows, sentence, steps=steps, count=cycle.count)


def _step(history: History, link: Link, edges: list[_Edge]) -> Step:
    if link.mark < 0:
        return order_step(history, link)
    before, after = f"T{link.source}", f"T{link.target}"
    edge = edges[link.mark]
    key = shown(edge.key)
    sentence = {
        WW: f"{after} made {key} {edge.number}, and {before} a smaller number.",
        WR: f"{after} found {key} at {edge.number}, which {before} had made it.",
        RW: f"{before} found {key} at {edge.number}, and {after} made it a larger number.",
    }[link.kind]
    return Step(KIND_NAMES[link.kind], link.source, link.target, edge.key, edge.number, sentence)


def _twice(history: History, counters: list[_Counter]) -> Iterator[Anomaly]:
    """duplicate-id: two increments made one number, so both had found the same version."""
    found = [(one.key, number, rows) for one in counters for number, rows in one.makers.items() if len(rows) > 1]
    for key, number, rows in found[:1]:
        sentence = f"T{rows[0]} and T{rows[1]} both made {shown(key)} {number}."
        yield anomaly(history, "duplicate-id", rows[:2], sentence, seen=(key, number), count=len(found))


def _aborted(history: History, counters: list[_Counter]) -> Iterator[Anomaly]:
    """G1a: a number that only an aborted increment can have made, seen by another; not if others may be missing."""
    if history.cut:
        return
    found = [
        (one.key, number, one.refused[number], row)
        for one in counters
        for row, number in one.reads
        if number in one.refused and number not in one.makers and not one.unsure & {number, None}
    ]
    for key, number, maker, row in found[:1]:
        sentence = f"T{row} found {shown(key)} at {number}, which T{maker} made it and was aborted."
        yield anomaly(history, "G1a", (maker, row), sentence, seen=(key, number), count=len(found))


def _intermediate(history: History, counters: list[_Counter]) -> Iterator[Anomaly]:
    """G1b: a number that its maker itself made a larger one of, seen by another."""
    found = [
        (one.key, number, one.makers[number][0], row)
        for one in counters
        for row, number in one.reads
        if number in one.makers and number not in one.made_by and one.makers[number][0] != row
    ]
    for key, number, maker, row in found[:1]:
        sentence = f"T{row} found {shown(key)} at {number}, which T{maker} made it and then more."
        yield anomaly(history, "G1b", (maker, row), sentence, seen=(key, number), count=len(found))
