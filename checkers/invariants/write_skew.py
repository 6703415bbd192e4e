"""write-skew: two transactions each missed the other's first write of a key, and wrote a different one.

    T1 ── r a – ── r b – ── w a 1 ── commit
    T2 ──── r a – ── r b – ── w b 2 ── commit     T1 ─rw→ T2 ─rw→ T1 (Adya 1999, G2-item)

Only reads of a key as it was before its first write are used, so the order of versions is never in question.
"""

from __future__ import annotations

import numpy as np

from checkers.dirty_reads import DIRTY_READS, dirty_reads
from checkers.evidence import concurrent_accesses
from checkers.findings import anomaly, findings, shown
from checkers.joins import Ints, join, mutual
from checkers.registers import INITIAL, Registers, registers_of
from harness.history import History
from harness.verdict import Anomaly, Evidence, Findings, Step

__all__ = ["check_write_skew"]

_PAIRS_NEEDED = 10
_TAKEN_NEEDED = 10


def check_write_skew(history: History) -> Findings:
    """G2-item between transactions that found keys unwritten, and dirty reads."""
    registers = registers_of(history)
    return findings(
        "write-skew",
        history,
        searched=("G2-item", *DIRTY_READS),
        anomalies=[*_skews(registers), *dirty_reads(registers)],
        # Each pair has two keys, and both of its programs begin by reading both.
        evidence=[
            Evidence("contended pairs", concurrent_accesses(history) // 2, _PAIRS_NEEDED),
            Evidence("keys taken", int(registers.real.sum()), _TAKEN_NEEDED),
        ],
        doubts=registers.doubts,
    )


def _skews(registers: Registers) -> list[Anomaly]:
    missing = np.flatnonzero(registers.sees & (registers.read_writer == INITIAL) & (registers.read_updated < 0))
    real = np.flatnonzero(registers.real)
    i, j = join(registers.read_key[missing], registers.write_key[real])
    reader, write = registers.read_txn[missing[i]], real[j]
    cycles = mutual(reader, registers.write_txn[write], len(registers.history))
    if not cycles:
        return []
    there, back = cycles[0]
    steps = [_step(registers, reader, write, there), _step(registers, reader, write, back)]
    one, two = steps[0].before, steps[1].before
    sentence = (
        f"T{one} missed T{two}'s write of {shown(steps[0].key)} and T{two} missed T{one}'s write of"
        f" {shown(steps[1].key)}: neither can have come first."
    )
    return [anomaly(registers.history, "G2-item", (one, two), sentence, steps=steps, count=len(cycles))]


def _step(registers: Registers, reader: Ints, write: Ints, edge: int) -> Step:
    one, two = int(reader[edge]), int(registers.write_txn[write[edge]])
    key = registers.history.keys[registers.write_key[write[edge]]]
    value = registers.history.values[registers.write_value[write[edge]]]
    sentence = (
        f"T{one} read {shown(key)} as nothing, before T{two} wrote {shown(value)} to it."
        f" So T{one} comes before T{two}."
    )
    return Step("rw", one, two, key, value, sentence)
