"""lost-update: two committed transactions read the same version of a key and both replaced it.

T1 ── r n 7 ── w n 8 ── commit      Whichever version came first, the other one's writer missed it:
T2 ──── r n 7 ── w n 8' ── commit   T1 ─rw→ T2 ─rw→ T1, on the one key
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from checkers.findings import anomaly, shown
from checkers.joins import Ints
from checkers.registers import INITIAL, Registers
from harness.verdict import Anomaly, Step

__all__ = ["lost_updates"]


def lost_updates(registers: Registers, details: Callable[[int], Sequence[str]] = lambda _: ()) -> list[Anomaly]:
    """At most one anomaly; its count is the number of updates beyond the first of each version.

    `details` are the sentences to add for a key, given as its number.
    """
    updates = np.flatnonzero(registers.sees & (registers.read_updated >= 0) & (registers.read_writer >= INITIAL))
    values = max(len(registers.history.values), 1)
    version = registers.read_key[updates] * values + registers.read_value[updates]
    order = np.lexsort((registers.read_txn[updates], version))
    updates, version = updates[order], version[order]
    txn = registers.read_txn[updates]
    again = np.flatnonzero((version[1:] == version[:-1]) & (txn[1:] != txn[:-1]))
    if len(again) == 0:
        return []
    first = int(again[np.argmin(txn[again + 1])])
    one, two = int(updates[first]), int(updates[first + 1])
    return [_lost_update(registers, one, two, count=len(again), details=details(int(registers.read_key[one])))]


def _lost_update(registers: Registers, one: int, two: int, *, count: int, details: Sequence[str]) -> Anomaly:
    history = registers.history
    rows = (int(registers.read_txn[one]), int(registers.read_txn[two]))
    key = history.keys[registers.read_key[one]]
    read = history.values[registers.read_value[one]]
    written = [_written(registers, registers.read_updated[[one, two]], i) for i in (0, 1)]
    steps = [
        Step(
            "rw",
            rows[i],
            rows[1 - i],
            key,
            written[1 - i],
            f"T{rows[i]} read {shown(key)} as {shown(read)}, which T{rows[1 - i]} replaced by"
            f" {shown(written[1 - i])}. So T{rows[i]} comes before T{rows[1 - i]}.",
        )
        for i in (0, 1)
    ]
    sentence = (
        f"T{rows[0]} and T{rows[1]} both read {shown(key)} as {shown(read)} and both replaced that very version:"
        f" one of the two updates is lost."
    )
    return anomaly(history, "lost-update", rows, sentence, steps=steps, count=count, details=details)


def _written(registers: Registers, writes: Ints, i: int) -> Any:
    return registers.history.values[registers.write_value[writes[i]]]
