"""long-fork: two readers that saw two independent writes in opposite orders.

T1 ── w x 1 ── commit          T3 ── r x 1 ── r y – ── commit
T2 ── w y 2 ── commit          T4 ── r y 2 ── r x – ── commit

T1 ─wr→ T3 ─rw→ T2 ─wr→ T4 ─rw→ T1 (Sovran 2011; Adya's G-nonadjacent)
"""

from __future__ import annotations

import numpy as np

from checkers.dirty_reads import DIRTY_READS, dirty_reads
from checkers.findings import anomaly, concurrency, findings, shown
from checkers.joins import Bools, Ints, is_in, join, mutual
from checkers.registers import INITIAL, Registers, registers_of
from harness.history import History
from harness.verdict import Anomaly, Evidence, Findings, Step

__all__ = ["check_long_fork"]

_PARTIAL_NEEDED = 5


def check_long_fork(history: History) -> Findings:
    """long-fork between readers of keys that are written once, and dirty reads."""
    registers = registers_of(history)
    present, absent = _partial_reads(registers)
    partial = len(np.unique(registers.read_txn[present]))
    return findings(
        "long-fork",
        history,
        searched=("long-fork", *DIRTY_READS),
        anomalies=[*_forks(registers, present, absent), *dirty_reads(registers)],
        evidence=[
            concurrency(history),
            Evidence("readers that saw a part of the writes", partial, _PARTIAL_NEEDED),
        ],
        doubts=registers.doubts,
    )


def _partial_reads(registers: Registers) -> tuple[Ints, Ints]:
    """Pairs (read of a written key, read of another key as nothing) by one committed reader, as two columns."""
    written = registers.read_writer >= 0
    # Of an aborted writer's value G1a says enough.
    written &= registers.committed[np.maximum(registers.read_writer, 0)]
    written &= registers.read_writer != registers.read_txn
    present = np.flatnonzero(registers.sees & written)
    absent = np.flatnonzero(registers.read_writer == INITIAL)
    i, j = join(registers.read_txn[present], registers.read_txn[absent])
    present, absent = present[i], absent[j]
    apart = ~_wrote(registers, registers.read_txn[present], registers.read_key[absent])
    apart &= ~_wrote(registers, registers.read_writer[present], registers.read_key[absent])
    return present[apart], absent[apart]


def _wrote(registers: Registers, txn: Ints, key: Ints) -> Bools:
    """Whether the transaction wrote the key itself: then it is not one of four, and the cycle another anomaly."""
    keys = max(len(registers.history.keys), 1)
    return is_in(txn * keys + key, registers.write_txn * keys + registers.write_key)


def _forks(registers: Registers, present: Ints, absent: Ints) -> list[Anomaly]:
    """Opposite partial reads: seen as edges from the present key to the absent one, these go both ways."""
    keys = max(len(registers.history.keys), 1)
    forks = mutual(registers.read_key[present], registers.read_key[absent], keys)
    forks = [(one, two) for one, two in forks if _is_cycle(registers, present[[one, two]])]
    if not forks:
        return []
    one, two = forks[0]
    steps = _steps(registers, present[[one, two]], absent[[one, two]])
    txns = tuple(step.before for step in steps)
    x, y = shown(steps[0].key), shown(steps[2].key)
    sentence = (
        f"T{txns[1]} saw T{txns[0]}'s {x} without T{txns[2]}'s {y}, and T{txns[3]} saw T{txns[2]}'s {y} without"
        f" T{txns[0]}'s {x}: they cannot agree on which came first."
    )
    return [anomaly(registers.history, "long-fork", txns, sentence, steps=steps, count=len(forks))]


def _is_cycle(registers: Registers, present: Ints) -> bool:
    """Two writers and two readers: where one transaction plays two parts, the cycle is another anomaly."""
    return len({*registers.read_writer[present].tolist(), *registers.read_txn[present].tolist()}) == 4


def _steps(registers: Registers, present: Ints, absent: Ints) -> list[Step]:
    """writer ─wr→ reader ─rw→ other writer ─wr→ other reader ─rw→ writer."""
    history = registers.history
    steps = []
    for i in (0, 1):
        writer, reader = int(registers.read_writer[present[i]]), int(registers.read_txn[present[i]])
        other = int(registers.read_writer[present[1 - i]])
        key, value = _key_and_value(registers, int(present[i]))
        missing, missed = _key_and_value(registers, int(present[1 - i]))
        assert missing == history.keys[registers.read_key[absent[i]]]
        seen = f"T{reader} read {shown(key)} as {shown(value)}, which T{writer} wrote."
        steps.append(Step("wr", writer, reader, key, value, f"{seen} So T{writer} comes before T{reader}."))
        unseen = f"T{reader} read {shown(missing)} as nothing, before T{other} wrote {shown(missed)} to it."
        steps.append(Step("rw", reader, other, missing, missed, f"{unseen} So T{reader} comes before T{other}."))
    return steps


def _key_and_value(registers: Registers, read: int) -> tuple[object, object]:
    return registers.history.keys[registers.read_key[read]], registers.history.values[registers.read_value[read]]
