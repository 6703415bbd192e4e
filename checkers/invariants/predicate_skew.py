"""predicate-skew: two transactions each scanned a range without the key that the other inserted into it.

    T1 ── scan g..h {} ── w g1 1 ── commit
    T2 ───── scan g..h {} ── w g2 2 ── commit     T1 ─rw→ T2 ─rw→ T1, by a predicate (Adya 1999, G2)

A key that a scan did not return was not yet written for it, so the order of versions is never in question.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import numpy as np

from checkers.dirty_reads import DIRTY_READS, dirty_reads
from checkers.findings import anomaly, concurrency, findings, shown
from checkers.joins import Ints, mutual
from checkers.registers import Registers, registers_of
from harness.history import KIND_CODE, History
from harness.verdict import Anomaly, Doubt, Evidence, Findings, Step

__all__ = ["check_predicate_skew"]

_INSERTED_NEEDED = 10


def check_predicate_skew(history: History) -> Findings:
    """G2 between transactions that missed one another's inserts, and dirty reads."""
    registers = registers_of(history)
    scans = _scans_before_writes(registers)
    return findings(
        "predicate-skew",
        history,
        searched=("G2", *DIRTY_READS),
        anomalies=[*_skews(registers, scans), *dirty_reads(registers)],
        evidence=[concurrency(history), Evidence("keys inserted", int(registers.real.sum()), _INSERTED_NEEDED)],
        doubts=[*registers.doubts, *_doubts(history, scans)],
    )


def _scans_before_writes(registers: Registers) -> Ints:
    """The range reads of committed transactions that wrote too: no other can be part of a cycle of two."""
    history = registers.history
    wrote = np.zeros(len(history), dtype=np.bool_)
    wrote[registers.write_txn[registers.real]] = True
    scans = np.flatnonzero((history.op_kind == KIND_CODE["scan"]) & (history.op_length >= 0))
    return scans[wrote[_txn_of(history, scans)]]


def _txn_of(history: History, ops: Ints) -> Ints:
    return np.searchsorted(history.op_offset, ops, "right") - 1


def _skews(registers: Registers, scans: Ints) -> list[Anomaly]:
    edges = np.array(list(_misses(registers, scans)), dtype=np.int64).reshape(-1, 3)
    if len(edges) == 0:
        return []
    scan, write = edges[:, 1], edges[:, 2]
    cycles = mutual(edges[:, 0], registers.write_txn[write], len(registers.history))
    if not cycles:
        return []
    steps = [_step(registers, int(scan[edge]), int(write[edge])) for edge in cycles[0]]
    one, two = steps[0].before, steps[1].before
    sentence = (
        f"T{one}'s range read missed {shown(steps[0].key)}, which T{two} inserted, and T{two}'s missed"
        f" {shown(steps[1].key)}, which T{one} inserted: neither can have come first."
    )
    return [anomaly(registers.history, "G2", (one, two), sentence, steps=steps, count=len(cycles))]


def _misses(registers: Registers, scans: Ints) -> Iterator[tuple[int, int, int]]:
    """(reader, scan, write) for every range read without a key in its range that another transaction wrote."""
    history = registers.history
    inserted = _Inserted(registers)
    within: dict[int, list[int]] = {}
    for scan, reader in zip(scans.tolist(), _txn_of(history, scans).tolist(), strict=True):
        bounds = int(history.op_key[scan])
        if bounds not in within:
            within[bounds] = inserted.within(history.keys[bounds])
        first, length = int(history.op_value[scan]), int(history.op_length[scan])
        returned = set(history.elements[first : first + length : 2].tolist())
        for write in within[bounds]:
            if registers.write_key[write] not in returned and registers.write_txn[write] != reader:
                yield reader, scan, write


class _Inserted:
    """The committed writes in the order of their keys, strings and bytes apart."""

    def __init__(self, registers: Registers) -> None:
        keys = registers.history.keys
        self._writes: dict[type, list[int]] = {str: [], bytes: []}
        self._keys: dict[type, list[Any]] = {}
        for write in np.flatnonzero(registers.real).tolist():
            self._writes.get(type(keys[registers.write_key[write]]), []).append(write)
        for kind, writes in self._writes.items():
            writes.sort(key=lambda write: keys[registers.write_key[write]])
            self._keys[kind] = [keys[registers.write_key[write]] for write in writes]

    def within(self, bounds: Any) -> list[int]:
        """The writes of keys in [low, high) or with a prefix; none where the bounds are of another type."""
        if not _is_comparable(bounds):
            return []
        low = bounds[0] if isinstance(bounds, tuple) else bounds
        keys, writes = self._keys[type(low)], self._writes[type(low)]
        first = last = bisect_left(keys, low)
        if isinstance(bounds, tuple):
            last = bisect_left(keys, bounds[1])
        else:
            while last < len(keys) and keys[last].startswith(bounds):
                last += 1
        return writes[first:last]


def _is_comparable(bounds: Any) -> bool:
    if isinstance(bounds, tuple):
        return len(bounds) == 2 and type(bounds[0]) is type(bounds[1]) and isinstance(bounds[0], str | bytes)
    return isinstance(bounds, str | bytes)


def _doubts(history: History, scans: Ints) -> list[Doubt]:
    for bounds in np.unique(history.op_key[scans]).tolist():
        if not _is_comparable(history.keys[bounds]):
            sentence = f"which keys lie in {shown(history.keys[bounds])} is not known, so it was left out"
            return [Doubt("evidence", sentence)]
    return []


def _step(registers: Registers, scan: int, write: int) -> Step:
    history = registers.history
    one, two = int(_txn_of(history, np.array([scan]))[0]), int(registers.write_txn[write])
    key = history.keys[registers.write_key[write]]
    bounds = history.keys[history.op_key[scan]]
    span = f"{shown(bounds[0])} to {shown(bounds[1])}" if isinstance(bounds, tuple) else f"all {shown(bounds)}*"
    sentence = (
        f"T{one} scanned {span} and did not find {shown(key)}, before T{two} inserted it."
        f" So T{one} comes before T{two}."
    )
    return Step("rw", one, two, key, history.values[registers.write_value[write]], sentence, predicate=True)
