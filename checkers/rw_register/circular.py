"""Circles of reads and real time: strong read committed, also by what a transaction read of a key after it wrote it.

T1 ── w y 1 · r y 4          T2 ── w y 4          T1 read from T2, which began after T1 had ended: G1c-realtime
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkers.cycles import Link, find_cycles
from checkers.findings import anomaly, shown
from checkers.graph import KIND_NAMES, SESSION, WR, Edges, residue
from checkers.registers import Registers
from harness.history import History
from harness.verdict import Anomaly, Step

__all__ = ["circular_in_time"]


def circular_in_time(registers: Registers) -> Iterator[Anomaly]:
    """G1c-realtime by reads alone, at most one. Nothing where the record tells no times."""
    history = registers.history
    if history.info.clock == "sessions":
        return
    of_others = registers.read_writer != registers.read_txn
    reads = np.flatnonzero(registers.sees & of_others & registers.committed[np.maximum(registers.read_writer, 0)])
    reads = reads[registers.read_writer[reads] >= 0]
    kind = np.full(len(reads), WR)
    edges = Edges(source=registers.read_writer[reads], target=registers.read_txn[reads], kind=kind, mark=reads)
    for cycle in find_cycles(history, residue(history, registers.committed, edges)).cycles:
        if str(cycle.name) == "G1c-realtime":
            steps = [_step(registers, link) for link in cycle.links]
            rows = [step.before for step in steps]
            names = " → ".join(f"T{row}" for row in (*rows, rows[0]))
            sentence = f"{len(steps)} transactions that each must come before the next: {names}."
            yield anomaly(history, "G1c-realtime", rows, sentence, steps=steps, count=cycle.count)


def _step(registers: Registers, link: Link) -> Step:
    history: History = registers.history
    before, after = f"T{link.source}", f"T{link.target}"
    if link.kind != WR:
        ran = f"Client {int(history.client[link.source])} ran {before} before {after}."
        why = ran if link.kind == SESSION else f"{before} had ended before {after} began."
        return Step(KIND_NAMES[link.kind], link.source, link.target, None, None, why)
    key = history.keys[int(registers.read_key[link.mark])]
    value = history.values[int(registers.read_value[link.mark])]
    why = f"{after} read {shown(key)} as {shown(value)}, which {before} wrote. So {before} comes before {after}."
    return Step("wr", link.source, link.target, key, value, why)
