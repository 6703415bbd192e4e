"""counter: every increment that was acknowledged must be in the number, and no other.

    T1 ── r n 7 ── w n 8 ── commit
    T2 ──── r n 7 ── w n 8' ── commit     lost-update: two increments of one version
    T3 ───────────────────────────── r n 8     lost-increment: nine were acknowledged before it began

A counter that was never written counts as 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checkers.dirty_reads import DIRTY_READS, dirty_reads
from checkers.findings import anomaly, concurrency, findings, shown
from checkers.invariants.lost_update import lost_updates
from checkers.invariants.numbers import numbers_of
from checkers.joins import Ints
from checkers.registers import Registers, registers_of
from harness.history import KIND_CODE, UNSEEN_LENGTH, History, Status
from harness.verdict import Anomaly, Doubt, Evidence, Findings

__all__ = ["check_counter"]

_INCREMENTS_NEEDED = 10


@dataclass(frozen=True, kw_only=True)
class _Counts:
    """Per committed read of a counter: its number and what it must lie between."""

    read: Ints  # Numbers into the registers' reads.
    number: Ints
    acknowledged: Ints  # Increments acknowledged before the reader began.
    possible: Ints  # All increments that were acknowledged or are unknown, at any time.


def check_counter(history: History) -> Findings:
    """lost-update, lost-increment, extra-increment and dirty reads."""
    registers = registers_of(history)
    increments, doubts = _increments(registers)
    counts = _counts(registers, increments)
    acknowledged = int(registers.ok[registers.write_txn[increments]].sum())
    return findings(
        "counter",
        history,
        searched=("lost-update", "lost-increment", "extra-increment", *DIRTY_READS),
        anomalies=[
            *lost_updates(registers, lambda key: _last_count(registers, counts, key)),
            *_lost_increments(registers, counts),
            *_extra_increments(registers, counts),
            *dirty_reads(registers),
        ],
        evidence=[
            concurrency(history),
            Evidence("increments acknowledged", acknowledged, _INCREMENTS_NEEDED),
            Evidence("reads after an acknowledged increment", int((counts.acknowledged > 0).sum()), 1),
        ],
        doubts=[*registers.doubts, *doubts],
    )


def _increments(registers: Registers) -> tuple[Ints, list[Doubt]]:
    """The writes, as numbers into the registers' writes, that each add one to what the writer had read."""
    number, readable = numbers_of(registers.history)
    before = np.full(len(registers.write_txn), -1, dtype=np.int64)
    updating = np.flatnonzero((registers.read_updated >= 0) & readable[registers.read_value])
    before[registers.read_updated[updating]] = number[registers.read_value[updating]]
    adds_one = (before >= 0) & readable[registers.write_value] & (number[registers.write_value] == before + 1)
    others = np.flatnonzero(~adds_one)
    if len(others) == 0:
        return np.flatnonzero(adds_one), []
    txn, key = int(registers.write_txn[others[0]]), registers.history.keys[registers.write_key[others[0]]]
    return np.flatnonzero(adds_one), [Doubt("evidence", f"T{txn}'s write of {shown(key)} does not add one to it")]


def _counts(registers: Registers, increments: Ints) -> _Counts:
    history = registers.history
    number, readable = numbers_of(history)
    read = np.flatnonzero(registers.sees & readable[registers.read_value])
    key, txn = registers.read_key[read], registers.read_txn[read]
    status = history.status[registers.write_txn[increments]]
    ok = increments[status == Status.OK]
    times = np.unique(np.concatenate([history.start, history.end]))
    width = len(times) + 1
    ends = np.searchsorted(times, history.end[registers.write_txn[ok]])
    acknowledged = np.sort(registers.write_key[ok] * width + ends)
    begun = key * width + np.searchsorted(times, history.start[txn])
    unseen = history.op_key[(history.op_kind == KIND_CODE["w"]) & (history.op_length == UNSEEN_LENGTH)]
    can_have_happened = np.concatenate([registers.write_key[increments[status != Status.ABORTED]], unseen])
    possible = np.bincount(can_have_happened, minlength=max(len(history.keys), 1))
    return _Counts(
        read=read,
        number=number[registers.read_value[read]],
        acknowledged=np.searchsorted(acknowledged, begun) - np.searchsorted(acknowledged, key * width),
        possible=possible[key].astype(np.int64),
    )


def _lost_increments(registers: Registers, counts: _Counts) -> list[Anomaly]:
    # A reader whose end is unknown may have taken its snapshot at any time, but never before it began.
    missing = counts.acknowledged - counts.number
    return _contradiction(registers, counts, missing, "lost-increment")


def _extra_increments(registers: Registers, counts: _Counts) -> list[Anomaly]:
    if registers.history.cut:
        return []
    return _contradiction(registers, counts, counts.number - counts.possible, "extra-increment")


def _contradiction(registers: Registers, counts: _Counts, excess: Ints, name: str) -> list[Anomaly]:
    """The last of the reads with an excess; the count is the number of counters that have one."""
    wrong = np.flatnonzero(excess > 0)
    if len(wrong) == 0:
        return []
    worst = int(wrong[np.argmax(registers.read_op[counts.read[wrong]])])
    read = int(counts.read[worst])
    reader = int(registers.read_txn[read])
    key, value = int(registers.read_key[read]), registers.history.values[registers.read_value[read]]
    counters = len(np.unique(registers.read_key[counts.read[wrong]]))
    seen = (registers.history.keys[key], value)
    return [anomaly(registers.history, name, (reader,), _story(registers, counts, worst), seen=seen, count=counters)]


def _last_count(registers: Registers, counts: _Counts, key: int) -> list[str]:
    of_key = np.flatnonzero(registers.read_key[counts.read] == key)
    last = of_key[np.argmax(registers.read_op[counts.read[of_key]])]
    return [_story(registers, counts, int(last))]


def _story(registers: Registers, counts: _Counts, which: int) -> str:
    history = registers.history
    read = int(counts.read[which])
    reader = int(registers.read_txn[read])
    acknowledged, possible = int(counts.acknowledged[which]), int(counts.possible[which])
    return (
        f"{shown(history.keys[registers.read_key[read]])}: {acknowledged} increments were acknowledged before"
        f" T{reader} began, {possible} can have happened in all, and T{reader} read {int(counts.number[which])}."
    )
