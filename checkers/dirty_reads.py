"""Reads of what no committed transaction wrote: G1a where an aborted one did, garbage-read where nobody did."""

from __future__ import annotations

import numpy as np

from checkers.findings import anomaly, shown
from checkers.joins import Bools
from checkers.registers import GARBAGE, Registers
from harness.history import Status
from harness.verdict import Anomaly

__all__ = ["DIRTY_READS", "dirty_reads"]

DIRTY_READS: tuple[str, ...] = ("G1a", "garbage-read")


def dirty_reads(registers: Registers) -> list[Anomaly]:
    """At most one anomaly of each name. A cut history may have lost the writer, so nothing in it is garbage."""
    writer = registers.read_writer
    aborted = registers.sees & (writer >= 0) & (registers.history.status[np.maximum(writer, 0)] == Status.ABORTED)
    garbage = registers.sees & (writer == GARBAGE)
    found = [_dirty_read(registers, aborted, "G1a")] if aborted.any() else []
    if garbage.any() and not registers.history.cut:
        found.append(_dirty_read(registers, garbage, "garbage-read"))
    return found


def _dirty_read(registers: Registers, these: Bools, name: str) -> Anomaly:
    history = registers.history
    those = np.flatnonzero(these)
    first = int(those[np.argmin(registers.read_op[those])])
    reader, writer = int(registers.read_txn[first]), int(registers.read_writer[first])
    key, value = history.keys[registers.read_key[first]], history.values[registers.read_value[first]]
    if name == "G1a":
        why = f"T{writer} wrote that and was aborted"
        rows = [writer, reader]
    else:
        why = "nobody ever wrote that"
        rows = [reader]
    sentence = f"T{reader} read {shown(key)} as {shown(value)}, but {why}."
    return anomaly(history, name, rows, sentence, seen=(key, value), count=len(those))
