"""What a range read did not find: keys of its range that held nothing, the version before the first write."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import Any

import numpy as np

from checkers.joins import Ints
from checkers.registers import INITIAL, Registers
from harness.history import KIND_CODE, History

__all__ = ["absent_reads", "with_absent_reads"]


def absent_reads(registers: Registers) -> tuple[Ints, Ints, Ints]:
    """(row, key number, operation) of every key that a committed scan did not return although its range holds it.

    Keys that the transaction had written before are left out, as with other reads. Of a cut history nothing is said:
    a delete may be missing.
    """
    history = registers.history
    if history.cut:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, nothing
    scans = np.flatnonzero((history.op_kind == KIND_CODE["scan"]) & (history.op_length >= 0))
    rows = np.searchsorted(history.op_offset, scans, side="right") - 1
    found: list[tuple[int, int, int]] = []
    by_type = _keys_by_type(history, registers) if len(scans) else {}
    for op, row in zip(scans.tolist(), rows.tolist(), strict=True):
        if registers.committed[row]:
            first, length = int(history.op_value[op]), int(history.op_length[op])
            seen = set(history.elements[first : first + length : 2].tolist())
            before = slice(int(history.op_offset[row]), op)
            seen |= set(history.op_key[before][history.op_kind[before] == KIND_CODE["w"]].tolist())
            keys = _in_range(by_type, history.keys[history.op_key[op]])
            found += [(row, key, op) for key in keys if key not in seen]
    columns = np.array(found, dtype=np.int64).reshape(-1, 3)
    return columns[:, 0], columns[:, 1], columns[:, 2]


_Sorted = dict[type, tuple[list[Any], list[int]]]


def _keys_by_type(history: History, registers: Registers) -> _Sorted:
    """The keys that somebody writes, sorted within each type, with their numbers."""
    written: dict[type, list[tuple[Any, int]]] = {}
    for number in np.unique(registers.write_key).tolist():
        written.setdefault(type(history.keys[number]), []).append((history.keys[number], number))
    ordered = {kind: sorted(those, key=lambda one: one[0]) for kind, those in written.items()}
    return {kind: ([key for key, _ in those], [number for _, number in those]) for kind, those in ordered.items()}


def _in_range(by_type: _Sorted, asked: Any) -> list[int]:
    low, high = asked if isinstance(asked, tuple) else (asked, None)
    keys, numbers = by_type.get(type(low), ([], []))
    first = bisect_left(keys, low)
    if high is not None:
        return numbers[first : bisect_left(keys, high)]
    last = first
    while last < len(keys) and keys[last].startswith(asked):
        last += 1
    return numbers[first:last]


def with_absent_reads(registers: Registers) -> Registers:
    """The registers with a read of nothing for every key that a scan did not return; themselves without scans."""
    row, key, op = absent_reads(registers)
    if not len(row):
        return registers
    history = registers.history
    history = replace(history, values=(*history.values, None))
    txn = np.concatenate((registers.read_txn, row))
    read_op = np.concatenate((registers.read_op, op))
    order = np.lexsort((read_op, txn))
    nothing = len(history.values) - 1
    return replace(
        registers,
        history=history,
        read_txn=txn[order],
        read_key=np.concatenate((registers.read_key, key))[order],
        read_value=np.concatenate((registers.read_value, np.full(len(row), nothing)))[order],
        read_writer=np.concatenate((registers.read_writer, np.full(len(row), INITIAL)))[order],
        read_op=read_op[order],
    )
