"""Deletes as writes: a history of the same transactions in which every version of a key has a value of its own.

    T1 ── w k 1          a delete becomes the write of a tombstone that no other delete writes; whoever found
    T2 ── delete k       nothing is taken to have read one of the tombstones, or the nothing before the first write
    T3 ── r k nothing

Which of them it was is a guess: what was the state by the order of completions. So an order that explains the new
history explains the old one too, while an anomaly of the new one may be the guess's fault.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from checkers.registers import registers_of
from checkers.rw_register.scans import absent_reads
from harness.history import KIND_CODE, SCALAR, History, Status

__all__ = ["Tombstone", "with_tombstones"]

_R, _W, _SCAN, _DELETE = (KIND_CODE[kind] for kind in ("r", "w", "scan", "delete"))
_INITIAL = -1


@dataclass(frozen=True)
class Tombstone:
    """What a delete left, told from all others by the operation's number."""

    op: int


@dataclass
class _Key:
    """The writes and deletes of one key in the order of completions: (end, start, number of the tombstone or -1).

    `perhaps` are deletes of unknown fate whose tombstone nobody has to have read: (start, number).
    """

    changes: list[tuple[int, int, int]] = field(default_factory=list)
    perhaps: list[tuple[int, int]] = field(default_factory=list)

    def nothing_for(self, start: int, end: int) -> int:
        """The tombstone that a reader of nothing may have read, -1 for the nothing before the first write."""
        place = bisect_left(self.changes, (start,))
        if place == 0:
            return _INITIAL
        if self.changes[place - 1][2] != _INITIAL:
            return self.changes[place - 1][2]
        # There was a value when the reader began: it found what a concurrent delete left, or one of unknown fate.
        later = [tombstone for _, begun, tombstone in self.changes[place:] if begun <= end and tombstone != _INITIAL]
        later += [tombstone for begun, tombstone in self.perhaps if begun <= end]
        return next(iter(later), _INITIAL)


def with_tombstones(history: History) -> History:
    """The history with its deletes as writes; itself, if it has none. Linear but for sorting."""
    deletes = np.flatnonzero(history.op_kind == _DELETE)
    if not len(deletes):
        return history
    first = len(history.values)
    kind, value, length = history.op_kind.copy(), history.op_value.copy(), history.op_length.copy()
    kind[deletes], length[deletes] = _W, SCALAR
    value[deletes] = first + np.arange(len(deletes))
    values = (*history.values, *(Tombstone(int(op)) for op in deletes))
    explicit = replace(history, op_kind=kind, op_value=value, op_length=length, values=values)
    keys = _keys(explicit, first)
    row = np.repeat(np.arange(len(history)), np.diff(history.op_offset))
    none = next((number for number, one in enumerate(history.values) if one is None), -1)
    for op in np.flatnonzero((kind == _R) & (length == SCALAR) & (value == none)).tolist():
        found = _found(history, keys, int(row[op]), int(history.op_key[op]))
        value[op] = none if found == _INITIAL else found
    return _with_absent(explicit, keys)


def _keys(history: History, first: int) -> dict[int, _Key]:
    keys: dict[int, _Key] = defaultdict(_Key)
    row = np.repeat(np.arange(len(history)), np.diff(history.op_offset))
    committed = registers_of(history).committed
    changes = np.flatnonzero((history.op_kind == _W) & (history.status[row] != Status.ABORTED))
    for op in changes.tolist():
        at, value = int(row[op]), int(history.op_value[op])
        key, start = keys[int(history.op_key[op])], int(history.start[at])
        if committed[at]:
            key.changes.append((int(history.end[at]), start, value if value >= first else _INITIAL))
        elif value >= first:
            key.perhaps.append((start, value))
    for key in keys.values():
        key.changes.sort()
        key.perhaps.sort(reverse=True)
    return keys


def _found(history: History, keys: dict[int, _Key], row: int, key: int) -> int:
    return keys[key].nothing_for(int(history.start[row]), int(history.end[row])) if key in keys else _INITIAL


def _with_absent(history: History, keys: dict[int, _Key]) -> History:
    """Scans that lack a key because it was deleted are given its tombstone."""
    absent: dict[int, list[int]] = defaultdict(list)
    for row, key, op in zip(*(column.tolist() for column in absent_reads(registers_of(history))), strict=True):
        found = _found(history, keys, row, key)
        if found != _INITIAL:
            absent[op] += [key, found]
    value, length = history.op_value.copy(), history.op_length.copy()
    parts: list[Any] = [history.elements]
    end = len(history.elements)
    for op, pairs in absent.items():
        first = int(value[op])
        seen = np.concatenate((history.elements[first : first + int(length[op])], pairs)).astype(np.int32)
        value[op], length[op] = end, len(seen)
        parts.append(seen)
        end += len(seen)
    return replace(history, op_value=value, op_length=length, elements=np.concatenate(parts))
