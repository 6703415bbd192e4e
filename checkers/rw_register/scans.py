"""What a range read did not find: keys of its range that held nothing, the version before the first write."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from checkers import register_kernels
from checkers.joins import Ints
from checkers.registers import INITIAL, Registers
from checkers.versions.accesses import absences
from harness.history import KIND_CODE

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
    op, key = absences(history)
    row = np.searchsorted(history.op_offset, op, side="right") - 1
    write = np.flatnonzero(history.op_kind == KIND_CODE["w"])
    before = register_kernels.before_own_writes(
        history.op_offset, op, key, write, history.op_key[write], len(history.keys)
    ).view(np.bool_)
    kept = before & registers.committed[row]
    return row[kept], key[kept], op[kept]


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
