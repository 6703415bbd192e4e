"""Reads that no order of any kind explains, and reads that nobody can judge.

T1 w x 1 · w x 2      T2 r x 1          T1 never left 1 behind
T1 w x 1 (aborted)    T2 r x 1          1 was never there
T1 w x 1 · r x 2                        T1 did not see its own write
"""

from __future__ import annotations

import numpy as np

from checkers.findings import anomaly, shown
from checkers.joins import Bools, Ints, find
from checkers.registers import GARBAGE, HIDDEN, Registers
from checkers.rw_register.forms import Form
from harness.history import KIND_CODE, SCALAR
from harness.level import Level
from harness.verdict import Anomaly, Doubt

__all__ = ["passing", "unexplained", "unjudged"]


def unexplained(registers: Registers, form: Form) -> Anomaly | None:
    """The first read, in the order of operations, that refutes every level that is decided here."""
    history = registers.history
    nobody = (registers.read_writer == GARBAGE) & (not history.cut)
    refused = (registers.read_writer >= 0) & ~registers.committed[np.maximum(registers.read_writer, 0)]
    wrong = registers.sees & (nobody | refused | passing(registers) | (registers.read_writer == registers.read_txn))
    found = np.append(registers.read_op[wrong], _own_writes_missed(registers))
    if not len(found):
        return None
    op = int(found.min())
    reads = np.flatnonzero(wrong & (registers.read_op == op))
    if not len(reads):
        reader, seen = int(np.searchsorted(history.op_offset, op, side="right")) - 1, history.op(op)
        sentence = (
            f"T{reader} read {shown(seen.key)} as {shown(seen.value)}, but it had written something else itself."
        )
        return anomaly(history, form.anomaly, (reader,), sentence, seen=(str(seen.key), str(seen.value)))
    read = int(reads[0])
    reader, writer = int(registers.read_txn[read]), int(registers.read_writer[read])
    key = history.keys[int(registers.read_key[read])]
    value = history.values[int(registers.read_value[read])]
    rows, why = _why(reader, writer, bool(refused[read]))
    sentence = f"T{reader} read {shown(key)} as {shown(value)}, {why}."
    return anomaly(history, form.anomaly, rows, sentence, seen=(str(key), str(value)))


def unjudged(registers: Registers, level: Level) -> Doubt | None:
    """Why a level cannot be vouched for although no contradiction was found: reads whose writer is not recorded."""
    history = registers.history
    hidden = registers.sees & (registers.read_writer == HIDDEN)
    missing = registers.sees & (registers.read_writer == GARBAGE) & bool(history.cut)
    if not bool((hidden | missing).any()):
        return None
    read = int(np.flatnonzero(hidden | missing)[0])
    key = shown(history.keys[int(registers.read_key[read])])
    sentence = f"T{int(registers.read_txn[read])} read a value of {key} whose write is not in the record"
    return Doubt("evidence", sentence, (level,))


def _why(reader: int, writer: int, refused: bool) -> tuple[tuple[int, ...], str]:
    if writer == reader:
        return (reader,), "which it only wrote later"
    if writer < 0:
        return (reader,), "which nobody ever wrote"
    if refused:
        return (writer, reader), f"which T{writer} wrote and which was rolled back"
    return (writer, reader), f"which T{writer} itself replaced"


def passing(registers: Registers) -> Bools:
    """(r,) reads of a value that its writer replaced itself."""
    keys = max(len(registers.history.keys), 1)
    code = registers.write_txn * keys + registers.write_key
    order = np.lexsort((registers.write_op, code))
    last = np.append(code[order][1:] != code[order][:-1], True)[: len(order)]
    final = order[last]
    wanted = registers.read_writer * keys + registers.read_key
    value = find(code[final], wanted, registers.write_value[final].astype(np.int64), absent=-1)
    return np.asarray((registers.read_writer >= 0) & (value != registers.read_value))


def _own_writes_missed(registers: Registers) -> Ints:
    """The operations of committed transactions that read a key as something else than they had written there last."""
    history = registers.history
    later = (history.op_kind == KIND_CODE["r"]) & (history.op_length == SCALAR)
    later[registers.read_op] = False
    op, key, value = _sightings(registers, np.flatnonzero(later))
    row = np.searchsorted(history.op_offset, op, side="right") - 1
    write = registers.write_op
    keys = max(len(history.keys), 1)
    code = np.concatenate((row * keys + key, registers.write_txn * keys + registers.write_key))
    place = np.concatenate((op, write))
    is_write = np.arange(len(code)) >= len(op)
    order = np.lexsort((~is_write, place, code))
    latest = np.maximum.accumulate(np.where(is_write[order], np.arange(len(order)), -1))
    same = (latest >= 0) & ~is_write[order] & (code[order][np.maximum(latest, 0)] == code[order])
    values = np.concatenate((value, registers.write_value))[order]
    missed = order[same & (values != values[np.maximum(latest, 0)])]
    return np.asarray(op[missed][registers.committed[row[missed]]])


def _sightings(registers: Registers, points: Ints) -> tuple[Ints, Ints, Ints]:
    """(operation, key, value) of these point reads and of all pairs that a scan returned."""
    history = registers.history
    scan = np.flatnonzero((history.op_kind == KIND_CODE["scan"]) & (history.op_length > 0))
    pairs = history.op_length[scan].astype(np.int64) // 2
    within = np.arange(int(pairs.sum())) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    place = np.repeat(history.op_value[scan], pairs) + 2 * within
    return (
        np.concatenate((points, np.repeat(scan, pairs))),
        np.concatenate((history.op_key[points], history.elements[place])).astype(np.int64),
        np.concatenate((history.op_value[points], history.elements[place + 1])).astype(np.int64),
    )
