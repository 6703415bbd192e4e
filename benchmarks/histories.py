"""Made-up histories of a correct database, as large as one likes, and with anomalies planted in them.

Columns are written directly: a builder that takes transactions one by one is too slow for ten million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.history import KIND_CODE, SCALAR, History, RunInfo, Status

__all__ = ["PLANTS", "Planted", "list_append_history", "plant", "ring_history", "stale_history", "stale_read_history"]

_CLIENTS = 10
_KEYS_IN_PLAY = 10
_APPENDS_PER_KEY = 64
_TIME_PER_TXN = 10
_R, _APPEND = KIND_CODE["r"], KIND_CODE["append"]

Ints = npt.NDArray[np.int64]


def list_append_history(txns: int, *, seed: int = 0) -> History:
    """A strictly serializable list-append history: 1 to 4 operations each, ten clients, rotating keys.

    Transaction i takes effect at 10 i + 9 and runs from 10 i to some time after, so that clients overlap. A key is
    replaced by a new one after 64 appends; all reads of a key share one list.
    """
    random = np.random.default_rng(seed)
    op_offset = np.concatenate(([0], np.cumsum(random.integers(1, 5, txns)))).astype(np.int64)
    ops = int(op_offset[-1])
    slot = random.integers(0, _KEYS_IN_PLAY, ops).astype(np.int8)
    append = random.random(ops) < 0.5
    appended = np.zeros(ops, dtype=np.int32)  # How many appends of its slot come before each operation.
    generations = 0
    for one in range(_KEYS_IN_PLAY):
        here = np.flatnonzero(slot == one)
        count = np.cumsum(append[here], dtype=np.int32)
        appended[here] = count - append[here]
        generations = max(generations, int(appended[here].max(initial=0)) // _APPENDS_PER_KEY + 1)
    length = appended % _APPENDS_PER_KEY
    key = (appended // _APPENDS_PER_KEY) * _KEYS_IN_PLAY + slot
    start = _TIME_PER_TXN * np.arange(txns, dtype=np.int64)
    return History(
        info=RunInfo(workload="list-append", clock="positions", foreign=True),
        client=(np.arange(txns) % _CLIENTS).astype(np.int32),
        status=np.full(txns, Status.OK, dtype=np.int8),
        start=start,
        end=start + _TIME_PER_TXN - 1 + random.integers(0, 81, txns),
        error=np.full(txns, -1, dtype=np.int32),
        op_offset=op_offset,
        op_kind=np.where(append, _APPEND, _R).astype(np.int8),
        op_key=key.astype(np.int32),
        op_value=np.where(append, length, key.astype(np.int64) * _APPENDS_PER_KEY),
        op_length=np.where(append, SCALAR, length).astype(np.int32),
        elements=np.tile(np.arange(_APPENDS_PER_KEY, dtype=np.int32), generations * _KEYS_IN_PLAY),
        keys=tuple(range(generations * _KEYS_IN_PLAY)),
        values=tuple(range(1, _APPENDS_PER_KEY + 1)),
    )


# Name: transactions that show it on keys of their own, as (start, end, operations); an operation is (key, append's
# element) or (key, the list that was read). Times are in transactions from the place where it is planted.
PLANTS: dict[str, tuple[tuple[float, float, tuple[tuple[str, Any], ...]], ...]] = {
    "G0": (
        (0, 2, (("x", 1), ("y", 1))),
        (0, 2, (("x", 2), ("y", 2))),
        (0, 2, (("x", (1, 2)), ("y", (2, 1)))),
    ),
    "G1c": ((0, 2, (("x", 1), ("y", (1,)))), (0, 2, (("y", 1), ("x", (1,))))),
    "G-single-item": ((0, 2, (("x", 1), ("y", 1))), (0, 2, (("x", (1,)), ("y", ())))),
    "G-nonadjacent-item": (
        (0, 2, (("x", 1),)),
        (0, 2, (("y", 1),)),
        (0, 2, (("x", (1,)), ("y", ()))),
        (0, 2, (("x", ()), ("y", (1,)))),
    ),
    "G2-item": ((0, 2, (("x", ()), ("y", 1))), (0, 2, (("y", ()), ("x", 1)))),
    "G-single-item-realtime": ((0, 1, (("x", 1),)), (30, 32, (("x", ()),))),
}


class Planted(NamedTuple):
    """An anomaly that is in a history on purpose: what it must be called and the rows that show it."""

    name: str
    rows: tuple[int, ...]


def plant(history: History, count: int) -> tuple[History, list[Planted]]:
    """The history with `count` anomalies in it, of all classes by turns and spread evenly, and where they are.

    The last one, a stale read, lies among thirty other transactions that real time ties to it.
    """
    names = list(PLANTS)
    places = (np.arange(count) * 2 + 1) * len(history) // (2 * count)
    added = [
        _Added(_TIME_PER_TXN * (int(place) + start), _TIME_PER_TXN * (int(place) + end), number, ops)
        for number, place in enumerate(places)
        for start, end, ops in PLANTS[names[number % len(names)]]
    ]
    planted_in, rows = _with(history, added)
    found = [
        Planted(names[number % len(names)], tuple(rows[i] for i, one in enumerate(added) if one.number == number))
        for number in range(count)
    ]
    return planted_in, found


class _Added(NamedTuple):
    """One transaction to be put into a history; its keys are those of anomaly `number`."""

    start: float
    end: float
    number: int
    ops: Sequence[tuple[str, Any]]


def _with(history: History, added: Sequence[_Added]) -> tuple[History, list[int]]:
    """The history with these transactions in it, each by a client of its own, and their rows."""
    n = len(history)
    key_names = dict.fromkeys((one.number, name) for one in added for name, _ in one.ops)
    key_number = {name: len(history.keys) + i for i, name in enumerate(key_names)}
    value_number = {value: number for number, value in enumerate(history.values)}
    kind, key, value, length, elements = [], [], [], [], list[int]()
    for one in added:
        for name, seen in one.ops:
            listed = isinstance(seen, tuple)
            kind.append(_R if listed else _APPEND)
            key.append(key_number[one.number, name])
            value.append(len(history.elements) + len(elements) if listed else value_number[seen])
            length.append(len(seen) if listed else SCALAR)
            elements += [value_number[element] for element in seen] if listed else []
    start = np.concatenate((history.start, np.array([int(one.start) for one in added], dtype=np.int64)))
    order = np.argsort(start, kind="stable")
    sizes = np.concatenate((np.diff(history.op_offset), np.array([len(one.ops) for one in added], dtype=np.int64)))
    first = np.cumsum(sizes) - sizes
    op_offset = np.concatenate(([0], np.cumsum(sizes[order])))
    ops = np.repeat(first[order] - op_offset[:-1], sizes[order]) + np.arange(int(op_offset[-1]))

    def rows_of(column: npt.NDArray[Any], more: Sequence[Any]) -> npt.NDArray[Any]:
        return np.concatenate((column, np.array(more, dtype=column.dtype)))[order]

    def ops_of(column: npt.NDArray[Any], more: Sequence[Any]) -> npt.NDArray[Any]:
        return np.concatenate((column, np.array(more, dtype=column.dtype)))[ops]

    planted_in = replace(
        history,
        client=rows_of(history.client, range(_CLIENTS, _CLIENTS + len(added))),
        status=rows_of(history.status, [Status.OK] * len(added)),
        start=start[order],
        end=rows_of(history.end, [int(one.end) for one in added]),
        error=rows_of(history.error, [-1] * len(added)),
        op_offset=op_offset,
        op_kind=ops_of(history.op_kind, kind),
        op_key=ops_of(history.op_key, key),
        op_value=ops_of(history.op_value, value),
        op_length=ops_of(history.op_length, length),
        elements=np.concatenate((history.elements, np.array(elements, dtype=np.int32))),
        keys=(*history.keys, *(f"planted {number} {name}" for number, name in key_names)),
    )
    row_of = np.empty(len(order), dtype=np.int64)
    row_of[order] = np.arange(len(order))
    return planted_in, row_of[n:].tolist()


def stale_history(txns: int, *, seed: int = 0) -> History:
    """All transactions at once, each by a client of its own; of keys that they do not append to they see old lists.

    Most are one component of ww, wr and rw edges, with short cycles of many kinds in it.
    """
    history = list_append_history(txns, seed=seed)
    row = np.repeat(np.arange(txns), np.diff(history.op_offset))
    slot = history.op_key % _KEYS_IN_PLAY
    late = np.random.default_rng(seed + 1).integers(0, 20, (txns, _KEYS_IN_PLAY))
    append = history.op_kind == _APPEND
    late[row[append], slot[append]] = 0
    length = np.where(append, SCALAR, np.maximum(history.op_length - late[row, slot], 0)).astype(np.int32)
    return replace(_at_once(history), op_length=length)


def ring_history(txns: int) -> History:
    """One long cycle and no shorter one, all at once: T0 ─wr→ T1 ─rw→ T2 ─wr→ T3 ... ─rw→ T0; `txns` is even.

    Transaction i appends to key i. Each odd one reads the list of the one before it, and the next one's as empty.
    """
    odd = np.arange(1, txns, 2)
    ops = 2 * txns
    key = np.empty(ops, dtype=np.int32)
    key[0::4], key[1::4], key[2::4], key[3::4] = odd - 1, odd, odd - 1, (odd + 1) % txns
    return _at_once(
        History(
            info=RunInfo(workload="list-append", clock="positions", foreign=True),
            client=np.zeros(txns, dtype=np.int32),
            status=np.full(txns, Status.OK, dtype=np.int8),
            start=np.zeros(txns, dtype=np.int64),
            end=np.zeros(txns, dtype=np.int64),
            error=np.full(txns, -1, dtype=np.int32),
            op_offset=np.concatenate(([0], np.cumsum(np.tile([1, 3], txns // 2)))),
            op_kind=np.tile(np.array([_APPEND, _APPEND, _R, _R], dtype=np.int8), txns // 2),
            op_key=key,
            op_value=np.repeat(np.arange(txns // 2), 4) * np.tile([0, 0, 1, 0], txns // 2),
            op_length=np.tile(np.array([SCALAR, SCALAR, 1, 0], dtype=np.int32), txns // 2),
            elements=np.zeros(txns // 2, dtype=np.int32),
            keys=tuple(range(txns)),
            values=(1,),
        )
    )


def stale_read_history(txns: int, *, seed: int = 0) -> History:
    """A correct history with one read more, at the very end, of a list as it was before the first append.

    Real time leads from that append through all other transactions to the read: one component of them all.
    """
    history = list_append_history(txns, seed=seed)
    first = int(np.argmax(history.op_kind == _APPEND))
    end = int(history.end.max())
    added = _Added(end + 1, end + 2, 0, (("", ()),))
    longer, (row,) = _with(history, [added])
    key = longer.op_key.copy()
    key[longer.op_offset[row]] = history.op_key[first]
    return replace(longer, op_key=key)


def _at_once(history: History) -> History:
    n = len(history)
    rows = np.arange(n, dtype=np.int64)
    return replace(history, client=rows.astype(np.int32), start=rows, end=rows + n)
