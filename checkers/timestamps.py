"""What a database says of its own snapshots and commits, held against what its clients saw (Chronos, ICDE 2025).

    T1  commit 7: x = 1          T2 took its snapshot between both commits: it has to see x = 1, and so it did.
    T2  snapshot 8: read x = 1
    T3  commit 9: x = 2

One sweep in the order of timestamps. That it explains all reads proves snapshot isolation, and serializability where
each transaction also sees what its commit found. That it does not refutes nothing: other snapshots may explain them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from checkers import timestamp_kernels
from checkers.compiling import prepare
from checkers.findings import shown
from checkers.joins import Bools
from checkers.timestamp_kernels import APPEND, READ, READ_LIST, WRITE, Ints
from harness.history import KIND_CODE, SCALAR, History, Status
from harness.level import Level, implied_by
from harness.verdict import Certificate, Doubt, Evidence, Findings

__all__ = ["check_timestamps"]

_IGNORED = 9
_R, _W, _APPEND = (KIND_CODE[kind] for kind in ("r", "w", "append"))
_SERIAL = ("serializable", "strong-session-serializable", "strict-serializable")
_SNAPSHOT = ("snapshot-isolation", "strong-session-snapshot-isolation", "strong-snapshot-isolation")


class _Order(NamedTuple):
    """The committed rows in the order of their commits, and how many precede each one's snapshot."""

    rows: Ints  # (c,)
    snapshot: Ints  # (c,)


class _Columns(NamedTuple):
    """The operations as the sweep knows them."""

    kind: Ints  # (m,)
    writes: Bools  # (n,) rows that write anything
    version_first: Ints  # (k + 1,)
    version: Ints


def check_timestamps(history: History) -> Findings:
    """Certificates of what timestamps prove; doubts with the reason "timestamps" tell what they do not explain."""
    prepare(timestamp_kernels, len(history.op_kind))
    found = _unjudged(history)
    if found:
        return _findings(history, [], [Doubt("timestamps", found)])
    columns = _columns(history)
    found = _contradicting(history, columns)
    if found:
        return _findings(history, [], [Doubt("timestamps", found)])
    order = _order(history, columns)
    proven, doubts = [], []
    for levels, serial in ((_SERIAL, True), (_SNAPSHOT, False)):
        sentence = _unexplained(history, columns, order, serial)
        if sentence:
            doubts.append(Doubt("timestamps", sentence, (Level(levels[0]),)))
            continue
        places = np.arange(len(order.rows)) if serial else order.snapshot
        level = Level(levels[_order_kept(history, order.rows, places)])
        proven.append(Certificate(level=level, order=order.rows, snapshot=None if serial else places))
    return _findings(history, proven, doubts)


def _findings(history: History, proven: list[Certificate], doubts: list[Doubt]) -> Findings:
    levels = tuple(one.level for one in proven)
    known = {weaker for one in levels for weaker in implied_by(one)}
    return Findings(
        checker="timestamps",
        searched=tuple(sorted(known)),
        decided=levels,
        evidence=(Evidence("commits with timestamps", int((history.commit_timestamp >= 0).sum())),),
        # What is proven stands, whatever else is not explained.
        doubts=tuple(one for one in doubts if not set(one.levels) & known),
        certificates=tuple(proven),
        stats={"txns": len(history)},
    )


def _unjudged(history: History) -> str:
    """Why the sweep does not apply, or ""."""
    if not len(history.commit_timestamp):
        return "the history has no timestamps"
    strange = ~np.isin(history.op_kind, (_R, _W, _APPEND))
    if strange.any():
        return f"timestamps are not held against the operation {history.op(int(np.argmax(strange))).kind}"
    lists = _lists(history)
    whole = (history.op_kind != _R) & (history.op_length != SCALAR)
    if whole.any():
        op = history.op(int(np.argmax(whole)))
        return f"timestamps are not held against the {op.kind} of {shown(op.value)} to {shown(op.key)}"
    no_list = (
        (history.op_kind == _R) & (history.op_length == SCALAR) & (history.op_value != _number_of_nothing(history))
    )
    mixed = ((history.op_kind == _W) | no_list) & lists[history.op_key]
    if mixed.any():
        return f"{shown(history.keys[int(history.op_key[np.argmax(mixed)])])} is both a list and a register"
    silent = (history.status == Status.OK) & ((history.commit_timestamp < 0) | (history.snapshot_timestamp < 0))
    return f"the database gave no timestamps of T{int(np.argmax(silent))}" if silent.any() else ""


def _lists(history: History) -> Bools:
    """Which keys hold lists."""
    lists = np.zeros(len(history.keys), dtype=np.bool_)
    lists[history.op_key[(history.op_kind == _APPEND) | ((history.op_kind == _R) & (history.op_length >= 0))]] = True
    return lists


def _columns(history: History) -> _Columns:
    lists = _lists(history)[history.op_key]
    known = (history.op_length >= 0) | (history.op_length == SCALAR)
    kind = np.full(len(history.op_kind), _IGNORED, dtype=np.int8)
    kind[(history.op_kind == _R) & known & ~lists] = READ
    kind[(history.op_kind == _R) & known & lists] = READ_LIST
    kind[history.op_kind == _W] = WRITE
    kind[history.op_kind == _APPEND] = APPEND
    row = np.repeat(np.arange(len(history)), np.diff(history.op_offset))
    ok = history.status == Status.OK
    changes = (kind == WRITE) | (kind == APPEND)
    writes = np.zeros(len(history), dtype=np.bool_)
    writes[row[changes]] = True
    appends = np.flatnonzero((kind == APPEND) & ok[row])
    appends = appends[np.lexsort((history.commit_timestamp[row[appends]], history.op_key[appends]))]
    first = np.searchsorted(history.op_key[appends], np.arange(len(history.keys) + 1))
    return _Columns(kind=kind, writes=writes, version_first=first, version=history.op_value[appends])


def _contradicting(history: History, columns: _Columns) -> str:
    """Timestamps that are no order of snapshots and commits, or ""."""
    writers = np.flatnonzero((history.status == Status.OK) & columns.writes)
    commit, snapshot = history.commit_timestamp[writers], history.snapshot_timestamp[writers]
    early = np.flatnonzero(commit <= snapshot)
    if len(early):
        row = int(writers[early[0]])
        return f"T{row} is said to have committed at {commit[early[0]]}, not after its snapshot {snapshot[early[0]]}"
    order = np.argsort(commit, kind="stable")
    same = np.flatnonzero(commit[order][1:] == commit[order][:-1])
    if len(same):
        one, two = (int(writers[order[same[0] + i]]) for i in (0, 1))
        return f"T{one} and T{two} are said to have committed at the same moment, {commit[order[same[0]]]}"
    return ""


def _order(history: History, columns: _Columns) -> _Order:
    """By commit; who wrote nothing stands behind the writer that committed at that moment."""
    rows = np.flatnonzero(history.status == Status.OK)
    rows = rows[np.lexsort((rows, ~columns.writes[rows], history.commit_timestamp[rows]))]
    before = np.searchsorted(history.commit_timestamp[rows], history.snapshot_timestamp[rows], "right")
    return _Order(rows=rows, snapshot=np.minimum(before, np.arange(len(rows))))


def _unexplained(history: History, columns: _Columns, order: _Order, serial: bool) -> str:
    """A sentence on the first thing that the timestamps do not explain, or ""."""
    snapshot = history.commit_timestamp if serial else history.snapshot_timestamp
    # The moments: the commit of place p in the order is moment 2 p + 1, a snapshot after p commits moment 2 p.
    places = np.arange(len(order.rows)) if serial else order.snapshot
    moment = np.concatenate((2 * places, 2 * np.arange(len(order.rows)) + 1))
    sequence = np.argsort(moment, kind="stable")
    wrong, lost = np.zeros(len(columns.kind), dtype=np.int8), np.zeros(len(columns.kind), dtype=np.int8)
    first, expected = timestamp_kernels.sweep(
        np.concatenate((order.rows, order.rows))[sequence],
        (np.arange(len(moment)) >= len(order.rows))[sequence],
        history.op_offset,
        columns.kind,
        history.op_key,
        _values(history, columns),
        np.where(history.op_length == SCALAR, 0, history.op_length),
        history.elements,
        columns.version_first,
        columns.version,
        snapshot,
        history.commit_timestamp,
        _number_of_nothing(history),
        wrong,
        lost,
    )
    if first >= 0:
        return _wrong_read(history, columns, first, expected, serial, int(wrong.sum()))
    if lost.any() and not serial:
        row, op = _row_of(history, int(np.argmax(lost))), history.op(int(np.argmax(lost)))
        return (
            f"another transaction committed to {shown(op.key)} between T{row}'s snapshot"
            f" {history.snapshot_timestamp[row]} and its commit {history.commit_timestamp[row]}: {_REFUTES_NOTHING}"
        )
    return ""


_REFUTES_NOTHING = "the timestamps do not explain this history, which refutes nothing"


def _values(history: History, columns: _Columns) -> Ints:
    """op_value with a list that was read as nothing at a place of its own: the end of all elements."""
    empty = (columns.kind == READ_LIST) & (history.op_length == SCALAR)
    return np.where(empty, len(history.elements), history.op_value)


def _number_of_nothing(history: History) -> int:
    return next((number for number, value in enumerate(history.values) if value is None), -1)


def _row_of(history: History, op: int) -> int:
    return int(np.searchsorted(history.op_offset, op, "right")) - 1


def _wrong_read(history: History, columns: _Columns, op: int, expected: int, serial: bool, count: int) -> str:
    row, seen = _row_of(history, op), history.op(op)
    if columns.kind[op] == READ_LIST:
        read = len(seen.value or ())
        what, should = f"{shown(seen.key)} with {read} elements", f"{expected}{' others' if read == expected else ''}"
    else:
        should = shown(history.values[expected]) if expected >= 0 else "nothing"
        what = f"{shown(seen.key)} as {shown(seen.value)}"
    more = f", and {count - 1} more reads like it" if count > 1 else ""
    if serial:
        found = f"its commit {history.commit_timestamp[row]} came upon {should}{more}"
        return f"T{row} read {what}, and {found}: the order of commits is no serial order, which refutes nothing"
    at = f"at its snapshot {history.snapshot_timestamp[row]} there is {should}{more}"
    return f"T{row} read {what}, but {at}: {_REFUTES_NOTHING}"


def _order_kept(history: History, rows: Ints, snapshot: Ints) -> int:
    """What the order keeps: 0 neither, 1 that of each session, 2 real time as well."""
    place = np.empty(len(history), dtype=np.int64)
    place[rows] = np.arange(len(rows))
    seen = np.empty(len(history), dtype=np.int64)
    seen[rows] = snapshot
    by_session = np.sort(rows)
    by_session = by_session[np.argsort(history.client[by_session], kind="stable")]
    same = history.client[by_session[1:]] == history.client[by_session[:-1]]
    if (same & (place[by_session[:-1]] >= seen[by_session[1:]])).any():
        return 0
    by_end = rows[np.argsort(history.end[rows], kind="stable")]
    last: npt.NDArray[np.int64] = np.append(-1, np.maximum.accumulate(place[by_end]))
    ended = np.searchsorted(history.end[by_end], history.start[rows], "left")
    return 1 if history.info.clock == "sessions" or (last[ended] >= snapshot).any() else 2
