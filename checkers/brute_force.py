"""Judges a scripted history by trying everything: all serial orders first, then all explanations of its reads.

A history that has a serial order true to real time contradicts no level. Any other one is named: for each
explanation the cycles of its dependencies and what single reads prove. The kindest explanation is shown, and
only the levels that every explanation refutes are refuted. Complete for histories of a few transactions of
plain reads, writes, deletes and scans (Adya 1999; Bailis 2013 for OTV).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from checkers.catalogue import CATALOGUE, directly_refuted
from checkers.explanations import (
    NOBODY,
    WRITES,
    Explanation,
    Observed,
    Sight,
    explanations,
    explanations_count,
    observed,
    sights,
)
from checkers.findings import anomaly, shown
from checkers.graphs.cycles import Cycle, Link, find_cycles
from checkers.graphs.graph import KIND_NAMES, REALTIME, RW, RW_PREDICATE, WR, WW, Edges, residue
from checkers.serial_orders import KINDS_REPLAYED, TXNS_MAX, serial_order
from harness.history import History, Status, Txn
from harness.level import refuted_by
from harness.verdict import Anomaly, Doubt, Evidence, Findings, Step

__all__ = ["check_by_brute_force"]

EXPLANATIONS_MAX = 2_000
_PHENOMENA = ("G1a", "G1b", "garbage-read", "future-read", "internal", "OTV", "lost-update")
_NAMES = tuple(row.name for row in CATALOGUE if row.name.startswith("G") or row.name in _PHENOMENA)
_SEARCHED = directly_refuted(_NAMES)

Namer = Callable[[int], str]


def _row_name(row: int) -> str:
    return f"T{row}"


def check_by_brute_force(history: History, name_of: Namer = _row_name) -> Findings:
    """Judge a small history. `name_of` gives the name of a row's transaction for the sentences."""
    doubt = _doubt(history)
    judged = _Judged((), frozenset())
    if not doubt and serial_order(history) is None:
        choices = list(observed(history, trusting=serial_order(history, real_time=False) is None))
        if sum(map(explanations_count, choices)) > EXPLANATIONS_MAX:
            doubt = "there are too many ways to explain its reads to try them all"
        else:
            judged = _kindest(history, choices, name_of)
    return Findings(
        checker="brute-force",
        anomalies=judged.anomalies,
        refuted=refuted_by(judged.refuted),
        sought=_NAMES,
        searched=() if doubt else _SEARCHED,
        evidence=(Evidence("transactions committed", int((history.status == Status.OK).sum())),),
        doubts=(Doubt("evidence", doubt),) if doubt else (),
        stats={"txns": len(history)},
    )


def _doubt(history: History) -> str:
    if int((history.status != Status.ABORTED).sum()) > TXNS_MAX:
        return f"only histories of up to {TXNS_MAX} transactions are judged by trying everything"
    strange = {op.kind for txn in history.txns() for op in txn.ops} - KINDS_REPLAYED
    return f"operation {min(strange)} has no place in a scripted history" if strange else ""


class _Judged(NamedTuple):
    """The anomalies to be shown, and the levels refuted whatever the explanation."""

    anomalies: tuple[Anomaly, ...]
    refuted: frozenset[str]


def _kindest(history: History, choices: list[Observed], name_of: Namer) -> _Judged:
    judged = [
        _Judged(anomalies, frozenset(refuted_by(level for one in anomalies for level in one.refutes)))
        for seen in choices
        for anomalies in _of_explanations(history, seen, name_of)
    ]
    best = min(judged, key=lambda one: (len(one.refuted), len(one.anomalies)))
    return _Judged(best.anomalies, frozenset.intersection(*(one.refuted for one in judged)))


def _of_explanations(history: History, seen: Observed, name_of: Namer) -> Iterator[tuple[Anomaly, ...]]:
    certain = list(_certain(history, seen, name_of))
    for explanation in explanations(seen):
        yield (*certain, *_explained(history, seen, explanation, name_of))


# What single reads prove.


def _certain(history: History, seen: Observed, name_of: Namer) -> Iterator[Anomaly]:
    found: dict[str, Anomaly] = {}
    for one in _unexplained(history, seen, name_of):
        found.setdefault(one.name, one)
    for row in sorted(seen.included):
        for one in _internal(history, seen, row, name_of):
            found.setdefault(one.name, one)
    yield from found.values()


def _unexplained(history: History, seen: Observed, name_of: Namer) -> Iterator[Anomaly]:
    """Reads of what no transaction that took effect left behind."""
    for row, sight, candidates in seen.reads:
        key, value = sight.key, sight.value
        if sight.astray_in is not None:
            sentence = f"{name_of(row)} asked for {shown(sight.astray_in)} and was given {shown(key)}."
            yield anomaly(history, "garbage-read", (row,), sentence, seen=(key, value))
        if candidates:
            continue
        writers = [txn for txn in history.txns() if ("w", key, value) in txn.ops]
        name, rows, why = _source(row, writers, name_of)
        sentence = f"{name_of(row)} read {shown(key)} as {shown(value)}, {why}."
        yield anomaly(history, name, rows, sentence, seen=(key, value))


def _source(reader: int, writers: list[Txn], name_of: Namer) -> tuple[str, tuple[int, ...], str]:
    other = [txn for txn in writers if txn.id != reader]
    alive = [txn for txn in other if txn.status is not Status.ABORTED]
    if alive:
        return "G1b", (alive[0].id, reader), f"which {name_of(alive[0].id)} itself replaced"
    if other:
        return "G1a", (other[0].id, reader), f"which {name_of(other[0].id)} wrote, and was rolled back"
    if writers:
        return "future-read", (reader,), "which it only wrote later"
    return "garbage-read", (reader,), "which nobody ever wrote"


def _internal(history: History, seen: Observed, row: int, name_of: Namer) -> Iterator[Anomaly]:
    """A transaction that sees a key otherwise than it wrote or saw it itself before."""
    txn = history.txn(row)
    known: dict[Any, Any] = {}
    sighted: dict[int, list[Sight]] = {place: [] for place in range(len(txn.ops))}
    for sight in sights(txn, seen.writes):
        sighted[sight.place].append(sight)
    for place, op in enumerate(txn.ops):
        if op.kind in WRITES:
            known[op.key] = op.value
        for sight in sighted[place]:
            key, before = sight.key, known.setdefault(sight.key, sight.value)
            if before != sight.value:
                sentence = f"{name_of(row)} saw {shown(key)} as {shown(before)} and later as {shown(sight.value)}."
                yield anomaly(history, "internal", (row,), sentence, seen=(key, before, sight.value))
                return


# What follows from an explanation.


def _explained(history: History, seen: Observed, explanation: Explanation, name_of: Namer) -> Iterator[Anomaly]:
    why, edges = _dependencies(seen, explanation)
    included = np.array([row in seen.included for row in range(len(history))])
    for cycle in find_cycles(history, residue(history, included, edges)).cycles:
        yield _cycle(history, cycle, why, name_of)
    yield from _vanished(history, seen, explanation, name_of)
    yield from _lost_updates(history, seen, explanation, name_of)


class _Why(NamedTuple):
    """What shows a dependency: the read, or the key that both wrote."""

    key: Any
    sight: Sight | None


def _dependencies(seen: Observed, explanation: Explanation) -> tuple[list[_Why], Edges]:
    """All ww, wr and rw edges; the mark of each is its place in the list of reasons."""
    found: list[tuple[int, int, int]] = []
    why: list[_Why] = []

    def add(source: int, target: int, kind: int, reason: _Why) -> None:
        if source not in {target, NOBODY}:
            found.append((source, target, kind))
            why.append(reason)

    for key, line in explanation.order.items():
        for before, after in pairwise(line):
            add(before, after, WW, _Why(key, None))
    for (row, sight, _), source in zip(seen.reads, explanation.sources, strict=True):
        if source is None:
            continue
        reason = _Why(sight.key, sight)
        add(source, row, WR, reason)
        line = explanation.order.get(sight.key, (NOBODY,))
        later = line[line.index(source) + 1 :]
        if later:
            add(row, later[0], RW if sight.absent_in is None else RW_PREDICATE, reason)
    columns = np.array(found, dtype=np.int64).reshape(-1, 3)
    mark = np.arange(len(found))
    return why, Edges(source=columns[:, 0], target=columns[:, 1], kind=columns[:, 2], mark=mark)


def _cycle(history: History, cycle: Cycle, why: list[_Why], name_of: Namer) -> Anomaly:
    steps = tuple(_step(history, link, why, name_of) for link in cycle.links)
    names = [name_of(step.before) for step in steps]
    sentence = f"Each must come before the next: {' → '.join((*names, names[0]))}."
    return anomaly(history, str(cycle.name), [step.before for step in steps], sentence, steps=steps)


def _step(history: History, link: Link, why: list[_Why], name_of: Namer) -> Step:
    before, after = name_of(link.source), name_of(link.target)
    reason = why[link.mark] if link.mark >= 0 else _Why(None, None)
    key, seen = shown(reason.key), reason.sight
    value = None if seen is None else seen.value
    sentence = {
        WW: f"{before} wrote {key}, and {after} wrote over it",
        WR: f"{after} read {key} as {shown(value)}, which {before} had written",
        RW: f"{before} read {key} as {shown(value)}, and {after} wrote over that",
        RW_PREDICATE: f"{before} found no {key} in its range, and {after} stored it",
        REALTIME: f"{before} had ended before {after} began",
    }.get(link.kind, f"{before} and {after} are of one session, in this order")
    predicate = link.kind == RW_PREDICATE
    return Step(KIND_NAMES[link.kind], link.source, link.target, reason.key, value, f"{sentence}.", predicate)


def _vanished(history: History, seen: Observed, explanation: Explanation, name_of: Namer) -> Iterator[Anomaly]:
    """OTV: once a transaction saw one write of another, it later saw a state in which another write was not there."""
    met: dict[tuple[int, int], int] = {}  # (reader, writer): the first place at which it met it.
    for (row, sight, _), source in zip(seen.reads, explanation.sources, strict=True):
        if source is not None and source not in {NOBODY, seen.setup}:
            met[row, source] = min(sight.place, met.get((row, source), sight.place))
    for (row, sight, _), source in zip(seen.reads, explanation.sources, strict=True):
        if source is None:
            continue
        line = explanation.order.get(sight.key, (NOBODY,))
        for writer in line[line.index(source) + 1 :]:
            if met.get((row, writer), sight.place) < sight.place:
                sentence = (
                    f"{name_of(row)} had seen what {name_of(writer)} wrote when it read {shown(sight.key)} as "
                    f"{shown(sight.value)}, which is from before."
                )
                yield anomaly(history, "OTV", (writer, row), sentence, seen=(sight.key, sight.value))
                return


def _lost_updates(history: History, seen: Observed, explanation: Explanation, name_of: Namer) -> Iterator[Anomaly]:
    """lost-update: two transactions read the same version of a key, not only a range without it, and wrote it."""
    based: dict[tuple[int, Any], int] = {}
    for (row, sight, _), source in zip(seen.reads, explanation.sources, strict=True):
        if source is not None and sight.absent_in is None and row in seen.writes.get(sight.key, ()):
            based[row, sight.key] = source
    of_version: dict[tuple[Any, int], int] = {}
    for (row, key), source in based.items():
        first = of_version.setdefault((key, source), row)
        if first != row:
            sentence = f"{name_of(first)} and {name_of(row)} read the same version of {shown(key)} and both wrote it."
            yield anomaly(history, "lost-update", (first, row), sentence, seen=(key,))
            return
