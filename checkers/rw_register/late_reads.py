"""G1c of all reads, in real time too, those among them that contradict an own write.

T1 w x 1 · r x 2        T2 w x 2        T1 had ended before T2 began, and yet read from it
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkers.findings import anomaly, shown
from checkers.graphs.cycles import Link, find_cycles
from checkers.graphs.graph import WR, Edges, residue
from checkers.graphs.steps import order_step
from checkers.registers import Registers
from harness.verdict import Anomaly, Step

__all__ = ["circles_of_reads"]


def circles_of_reads(registers: Registers) -> Iterator[Anomaly]:
    """Every name of a cycle of reads, sessions and real time, with a smallest cycle; in nearly linear time."""
    history, reader, writer = registers.history, registers.read_txn, registers.read_writer
    reads = np.flatnonzero(registers.sees & (writer >= 0) & (writer != reader))
    edges = Edges(source=writer[reads], target=reader[reads], kind=np.full(len(reads), WR), mark=reads)
    for cycle in find_cycles(history, residue(history, registers.committed, edges)).cycles:
        steps = [_step(registers, link) for link in cycle.links]
        rows = [step.before for step in steps]
        circle = " → ".join(f"T{row}" for row in (*rows, rows[0]))
        sentence = f"{len(steps)} transactions that each must come before the next: {circle}."
        yield anomaly(history, str(cycle.name), rows, sentence, steps=steps, count=cycle.count)


def _step(registers: Registers, link: Link) -> Step:
    if link.kind != WR:
        return order_step(registers.history, link)
    before, after = f"T{link.source}", f"T{link.target}"
    key = registers.history.keys[int(registers.read_key[link.mark])]
    value = registers.history.values[int(registers.read_value[link.mark])]
    sentence = f"{after} read {shown(key)} as {shown(value)}, which {before} wrote. So {before} comes before {after}."
    return Step("wr", link.source, link.target, key, value, sentence)
