"""register: whoever begins after a write or a delete was acknowledged reads what it left, or something newer.

    T1 ── delete k ── acknowledged
    T2 ───────────────────────────── r k 7       T1 ─realtime→ T2 ─rw→ T1

Each key is judged by itself: of plain keys, entries of a cache, vectors or rows of a table. A value is known by its
writer, since none is written to a key twice. Of a transaction's writes of a key the last one counts.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple

from checkers.dirty_reads import DIRTY_READS
from checkers.findings import anomaly, concurrency, findings, shown
from checkers.moments import Moment, operations
from harness.build import frozen
from harness.history import UNSEEN, History
from harness.verdict import Anomaly, Doubt, Evidence, Findings, Step

__all__ = ["check_register"]

_STALE = "G-single-item-realtime"
_READS_NEEDED = 10


class _Access(NamedTuple):
    """What a transaction left at a key, None where it deleted it; or found there before it wrote there itself."""

    at: Moment
    value: Any


@dataclass
class _Key:
    """All that happened to one key, in the order of rows; `passing` are values that their writer replaced itself."""

    key: Any
    writes: dict[int, _Access] = field(default_factory=dict)
    passing: list[_Access] = field(default_factory=list)
    reads: list[_Access] = field(default_factory=list)
    unclear: list[int] = field(default_factory=list)  # Rows that change it in another way, or by an unknown value.


class _Latest:
    """Of moments that ended before a given one, the one that started last."""

    def __init__(self, writes: Iterable[_Access]) -> None:
        by_end = sorted(writes, key=lambda write: write.at.end)
        self._ends = [write.at.end for write in by_end]
        self._latest = list(accumulate(by_end, _later))

    def before(self, moment: int) -> _Access | None:
        place = bisect_left(self._ends, moment)
        return self._latest[place - 1] if place else None


def _later(one: _Access, two: _Access) -> _Access:
    return two if two.at.start > one.at.start else one


def check_register(history: History) -> Findings:
    """Stale reads in real time, deleted values that came back among them, and dirty reads."""
    keys = _keys(history)
    wrong = [
        one for key in keys for one in (*_dirty(key, whole=not history.cut), *_stale(key, whole=not history.cut))
    ]
    return findings(
        "register",
        history,
        searched=(_STALE, *DIRTY_READS),
        anomalies=[_anomaly(history, name, wrong) for name in sorted({name for name, *_ in wrong})],
        evidence=[
            concurrency(history),
            Evidence("values read", sum(read.value is not None for key in keys for read in key.reads), _READS_NEEDED),
            Evidence("keys read after an acknowledged write", sum(map(_is_read_back, keys)), 1),
        ],
        doubts=[doubt for key in keys for doubt in _doubts(key)],
    )


def _keys(history: History) -> list[_Key]:
    keys: dict[Any, _Key] = {}
    for at, op in operations(history, ("r", "w", "delete", "append", "incr", "cas")):
        key = keys.setdefault(op.key, _Key(op.key))
        if op.kind not in {"r", "w", "delete"} or (op.kind == "w" and op.value is UNSEEN):
            key.unclear.append(at.row)
        elif op.kind != "r":
            if at.row in key.writes:
                key.passing.append(key.writes[at.row])
            key.writes[at.row] = _Access(at, frozen(op.value))
        elif at.ok and at.row not in key.writes and op.value is not UNSEEN:
            key.reads.append(_Access(at, frozen(op.value)))
    return list(keys.values())


def _doubts(key: _Key) -> Iterator[Doubt]:
    for row in key.unclear[:1]:
        yield Doubt("evidence", f"T{row} changed {shown(key.key)} in another way than by a write of a known value")
    by_value = defaultdict(list)
    for write in (*key.writes.values(), *key.passing):
        if write.value is not None:
            by_value[write.value].append(write.at.row)
    for value, rows in by_value.items():
        if len(rows) > 1:
            yield Doubt("evidence", f"T{rows[0]} and T{rows[1]} both wrote {shown(value)} to {shown(key.key)}")
            return


def _is_read_back(key: _Key) -> bool:
    first = min((write.at.end for write in key.writes.values() if write.at.ok), default=math.inf)
    return any(read.at.start > first for read in key.reads)


_Wrong = tuple[str, _Key, _Access, _Access | None]
"""An anomaly's name, the key, who read what, and the write that it missed or saw too early."""


def _dirty(key: _Key, whole: bool) -> Iterator[_Wrong]:
    writers = {write.value: write for write in (*key.writes.values(), *key.passing)}
    for read in key.reads:
        if read.value is None:
            continue
        writer = writers.get(read.value)
        if writer is None and whole:
            yield "garbage-read", key, read, None
        elif writer is not None and not writer.at.possible:
            yield "G1a", key, read, writer


def _stale(key: _Key, whole: bool) -> Iterator[_Wrong]:
    """Reads of what had been replaced by somebody who had ended before the reader began."""
    acknowledged = [write for write in key.writes.values() if write.at.ok]
    writers = {write.value: write.at for write in acknowledged}
    latest = _Latest(acknowledged)
    latest_value = _Latest(write for write in acknowledged if write.value is not None)
    deletes = _Deletes(write.at for write in key.writes.values() if write.value is None and write.at.possible)
    for read in key.reads:
        if read.value is None:
            missed = latest_value.before(read.at.start) if whole else None
            if missed is not None and not deletes.possible(missed.at.start, read.at):
                yield _STALE, key, read, missed
        elif read.value in writers:
            newer = latest.before(read.at.start)
            if newer is not None and newer.at.start > writers[read.value].end:
                yield _STALE, key, read, newer


class _Deletes:
    """Whether a delete can have taken effect between two moments: one of unknown fate at any time after its start."""

    def __init__(self, deletes: Iterable[Moment]) -> None:
        by_start = sorted(deletes, key=lambda at: at.start)
        self._starts = [at.start for at in by_start]
        ends = ([(at.end if at.ok else math.inf, at.row)] for at in by_start)
        self._latest = list(accumulate(ends, lambda those, one: sorted(those + one)[-2:]))

    def possible(self, first: int, reader: Moment) -> bool:
        """Whether one of others can lie between `first` and the reader's end: its own follows what it read."""
        place = bisect_right(self._starts, reader.end)
        return place > 0 and any(end >= first and row != reader.row for end, row in self._latest[place - 1])


def _anomaly(history: History, name: str, wrong: list[_Wrong]) -> Anomaly:
    """The first one in the order of reads; the count is that of the reads."""
    those = [one for one in wrong if one[0] == name]
    _, key, read, write = min(those, key=lambda one: one[2].at.row)
    reader = read.at.row
    rows: tuple[int, ...] = (reader,) if write is None else (write.at.row, reader)
    saw = f"T{reader} read {shown(key.key)} as {shown(read.value)}"
    if write is None:
        sentence = f"{saw}, but nobody ever wrote that."
    elif name == "G1a":
        sentence = f"{saw}, but T{write.at.row} wrote that and was aborted."
    else:
        did = "deleted it" if write.value is None else f"wrote {shown(write.value)}"
        sentence = f"{saw}, although T{write.at.row} {did} and had ended before."
    steps = _steps(key, read, write) if name == _STALE and write is not None else ()
    return anomaly(history, name, rows, sentence, steps=steps, seen=(key.key, read.value), count=len(those))


def _steps(key: _Key, read: _Access, write: _Access) -> list[Step]:
    reader, writer = read.at.row, write.at.row
    did = "deleted" if write.value is None else "replaced"
    replaced = f"T{reader} read {shown(key.key)} as {shown(read.value)}, which T{writer} {did}."
    return [
        Step("realtime", writer, reader, None, None, f"T{writer} had ended before T{reader} began."),
        Step("rw", reader, writer, key.key, write.value, replaced),
    ]
