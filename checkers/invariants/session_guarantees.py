"""session-guarantees: what a session may rely on from one transaction to its next, read off lists that only grow.

    A  append x 1 | append x 2         monotonic writes: nobody sees 2 without 1
                  | read x             read your writes: 1 is there
    B  read x = [1] | read x           monotonic reads: 1 is still there
                    | append x 3       writes follow reads: nobody sees 3 without 1

Each guarantee is judged key by key, where one list alone can contradict it (Terry 1994; Viotti & Vukolić 2016).
Transactions that are not OK promise their session nothing. How the lists are ordered is seen as in list-append.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from checkers.catalogue import directly_refuted
from checkers.findings import anomaly, concurrency, findings, shown
from checkers.lists.observations import Observations, observe
from harness.history import KIND_CODE, History, Status
from harness.verdict import Anomaly, Doubt, Evidence, Findings

__all__ = ["check_session_guarantees"]

_READ, _APPEND = KIND_CODE["r"], KIND_CODE["append"]
_NEEDED = 10
_NAMES = ("non-monotonic-read", "missed-own-write", "non-monotonic-write", "writes-do-not-follow-reads")


_OVERWRITTEN = Doubt(
    "evidence",
    "appends are reads and writes here: what a session misses may have been overwritten",
    directly_refuted(_NAMES),
)


class _Seen(NamedTuple):
    """Something of an earlier transaction that has to be there later: how far its list reaches, and whose it is.

    `op` is the operation that saw or did it.
    """

    reach: int
    row: int
    op: int


@dataclass
class _Session:
    """What one client's acknowledged transactions did with one key; `lost` is an append that no list shows."""

    read: _Seen | None = None
    append: _Seen | None = None
    lost: int | None = None


class _Disputed:
    """The lists that were read of keys whose reads contradict one another: {element: place} of each."""

    def __init__(self, seen: Observations) -> None:
        self._lists: dict[int, list[dict[int, int]]] = defaultdict(list)
        for at in np.flatnonzero(seen.disputed[seen.list_key]).tolist():
            first = int(seen.list_first[at])
            elements = seen.place_element[first : first + int(seen.list_size[at])].tolist()
            self._lists[int(seen.list_key[at])].append({element: place for place, element in enumerate(elements)})

    def shown_without(self, key: int, element: int, before: list[int]) -> bool:
        """Whether a list shows `element` without one of `before` standing before it."""
        return any(
            element in places and any(places.get(one, len(places)) > places[element] for one in before)
            for places in self._lists.get(key, ())
        )


class _Wrong(NamedTuple):
    name: str
    earlier: int
    later: int
    key: int
    sentence: str


@dataclass
class _Count:
    reads_after_reads: int = 0
    reads_after_appends: int = 0
    appends_after_appends: int = 0
    appends_after_reads: int = 0
    wrong: list[_Wrong] = field(default_factory=list)


def check_session_guarantees(history: History) -> Findings:
    """non-monotonic-read, missed-own-write, non-monotonic-write and writes-do-not-follow-reads."""
    seen = observe(history)
    count = _Count()
    places = _places(seen)
    disputed = _Disputed(seen)
    sessions: dict[tuple[int, int], _Session] = defaultdict(_Session)
    for row in range(len(history)):
        if seen.included[row]:
            _follow(seen, row, places, sessions, count, disputed)
    # Where an append is a read and a write, what is missing may have been overwritten: a lost update, and legal
    # for a session that sees the newer version.
    overwritten = history.info.append != "atomic" and bool(count.wrong)
    return findings(
        "session-guarantees",
        history,
        searched=_NAMES,
        anomalies=[] if overwritten else _anomalies(history, count.wrong),
        evidence=[
            concurrency(history),
            Evidence("reads after a read in the session", count.reads_after_reads, _NEEDED),
            Evidence("reads after an append in the session", count.reads_after_appends, _NEEDED),
            Evidence("appends after an append in the session", count.appends_after_appends),
            Evidence("appends after a read in the session", count.appends_after_reads),
        ],
        doubts=[
            *_doubts(history, seen),
            *([_OVERWRITTEN] if overwritten else []),
        ],
    )


def _doubts(history: History, seen: Observations) -> Iterator[Doubt]:
    if seen.repeated_append >= 0:
        op = history.op(seen.repeated_append)
        yield Doubt("evidence", f"{shown(op.value)} was appended to {shown(op.key)} more than once")


def _places(seen: Observations) -> dict[int, int]:
    """For each operation: how far a read reaches in its key's order, where an append stands in it, or -1."""
    reads = zip(seen.read_op.tolist(), seen.read_reach.tolist(), strict=True)
    appends = zip(seen.append_op.tolist(), seen.append_place.tolist(), strict=True)
    return dict([*reads, *appends])


def _follow(
    seen: Observations,
    row: int,
    places: dict[int, int],
    sessions: dict[tuple[int, int], _Session],
    count: _Count,
    disputed: _Disputed,
) -> None:
    """Hold one transaction against what its session had seen and done, and add to that if it was acknowledged."""
    history = seen.history
    client, sure = int(history.client[row]), history.status[row] == Status.OK
    own: dict[int, _Session] = defaultdict(_Session)
    for op in range(int(history.op_offset[row]), int(history.op_offset[row + 1])):
        kind, key = int(history.op_kind[op]), int(history.op_key[op])
        place = places.get(op, -1)
        before, now = sessions[client, key], own[key]
        if kind == _READ and seen.op_size[op] >= 0 and now.append is None:
            size = int(seen.op_size[op])
            if seen.disputed[key]:
                _disputed_read(before, _Seen(size, row, op), key, history, count)
            else:
                _read(before, row, key, size, history, count)
            now.read = _later(now.read, _Seen(size, row, op))
        elif kind == _APPEND:
            if seen.disputed[key]:
                _disputed_append(before, op, row, history, count, disputed)
            else:
                _append(before, row, key, place, history, count)
            if place >= 0:
                now.append = _later(now.append, _Seen(place + 1, row, op))
            elif seen.disputed[key]:
                now.append = now.append or _Seen(0, row, op)
            else:
                now.lost = row
    if sure:
        for key, now in own.items():
            before = sessions[client, key]
            before.read = _later(before.read, now.read)
            before.append = _later(before.append, now.append)
            before.lost = before.lost if now.lost is None else now.lost


def _later(one: _Seen | None, two: _Seen | None) -> _Seen | None:
    return max((seen for seen in (one, two) if seen is not None), default=None, key=lambda seen: seen.reach)


def _read(before: _Session, row: int, key: int, reach: int, history: History, count: _Count) -> None:
    name = shown(history.keys[key])
    if before.read is not None:
        count.reads_after_reads += 1
        if reach < before.read.reach:
            sentence = f"T{row} read {reach} elements of {name}, and T{before.read.row}, before it in its session, "
            sentence += f"had read {before.read.reach}."
            count.wrong.append(_Wrong("non-monotonic-read", before.read.row, row, key, sentence))
    if before.append is not None or before.lost is not None:
        count.reads_after_appends += 1
        missed = before.lost
        if before.append is not None and reach < before.append.reach:
            missed = before.append.row
        if missed is not None:
            sentence = f"T{row} read {name} without what T{missed}, before it in its session, had appended."
            count.wrong.append(_Wrong("missed-own-write", missed, row, key, sentence))


def _append(before: _Session, row: int, key: int, place: int, history: History, count: _Count) -> None:
    """An append is held against its session only where some list shows it."""
    if place < 0:
        return
    name = shown(history.keys[key])
    if before.append is not None or before.lost is not None:
        count.appends_after_appends += 1
        missed = before.lost
        if before.append is not None and place < before.append.reach:
            missed = before.append.row
        if missed is not None:
            sentence = f"{name} shows T{row}'s append, and before it not what T{missed} of its session had appended."
            count.wrong.append(_Wrong("non-monotonic-write", missed, row, key, sentence))
    if before.read is not None:
        count.appends_after_reads += 1
        if place < before.read.reach:
            sentence = f"{name} shows T{row}'s append before what T{before.read.row} of its session had read."
            count.wrong.append(_Wrong("writes-do-not-follow-reads", before.read.row, row, key, sentence))


def _elements(read: _Seen, history: History) -> list[int]:
    first = int(history.op_value[read.op])
    elements: list[int] = history.elements[first : first + read.reach].tolist()
    return elements


def _disputed_read(before: _Session, read: _Seen, key: int, history: History, count: _Count) -> None:
    """A read of a key whose reads contradict one another: what has to be there is looked for in its list."""
    name, there = shown(history.keys[key]), set(_elements(read, history))
    if before.read is not None:
        count.reads_after_reads += 1
        if not there.issuperset(_elements(before.read, history)):
            sentence = f"T{read.row} read {name} without all that T{before.read.row} of its session had read."
            count.wrong.append(_Wrong("non-monotonic-read", before.read.row, read.row, key, sentence))
    if before.append is not None:
        count.reads_after_appends += 1
        if int(history.op_value[before.append.op]) not in there:
            sentence = f"T{read.row} read {name} without what T{before.append.row} of its session had appended."
            count.wrong.append(_Wrong("missed-own-write", before.append.row, read.row, key, sentence))


def _disputed_append(
    before: _Session, op: int, row: int, history: History, count: _Count, disputed: _Disputed
) -> None:
    """The same where the reads of a key contradict one another: held against each list that was read."""
    key, element = int(history.op_key[op]), int(history.op_value[op])
    name = shown(history.keys[key])
    if before.append is not None:
        count.appends_after_appends += 1
        if disputed.shown_without(key, element, [int(history.op_value[before.append.op])]):
            sentence = f"{name} was read with T{row}'s append and without what T{before.append.row} had appended."
            count.wrong.append(_Wrong("non-monotonic-write", before.append.row, row, key, sentence))
    if before.read is not None:
        count.appends_after_reads += 1
        if disputed.shown_without(key, element, _elements(before.read, history)):
            sentence = f"{name} was read with T{row}'s append and without what T{before.read.row} had read."
            count.wrong.append(_Wrong("writes-do-not-follow-reads", before.read.row, row, key, sentence))


def _anomalies(history: History, wrong: list[_Wrong]) -> Iterator[Anomaly]:
    """One for each name: the first of its kind is the witness, the count that of all."""
    for name in _NAMES:
        those = [one for one in wrong if one.name == name]
        if those:
            first = those[0]
            rows = (first.earlier, first.later)
            yield anomaly(history, name, rows, first.sentence, seen=(history.keys[first.key],), count=len(those))
