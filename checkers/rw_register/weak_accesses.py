"""What the weak levels are judged by: who read which key from whom, who writes which keys, who follows whom.

Only committed transactions count. Left out are reads that say nothing about the order of committed transactions:
of values that an aborted transaction or nobody wrote, or that the reader itself only wrote later. A read of a value
that its writer overwrote itself is a read from that writer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from checkers.compiling import prepare
from checkers.joins import Bools
from checkers.registers import INITIAL, Registers
from checkers.rw_register import weak_kernels
from checkers.rw_register.weak_kernels import Ints

__all__ = ["Accesses", "accesses_of"]


class Accesses(NamedTuple):
    """n rows, r reads grouped by row in the order they were made, w written keys grouped by row, ascending."""

    registers: Registers
    read_first: Ints  # (n + 1,)
    read: Ints  # (r,) numbers of the reads in `registers`
    read_key: Ints  # (r,)
    read_writer: Ints  # (r,) a row, or INITIAL
    write_first: Ints  # (n + 1,)
    write: Ints  # (w,) numbers of the writes in `registers`: a transaction's first to the key
    write_key: Ints  # (w,)
    sequence: Ints  # (c,) the committed rows, session by session
    begins: Bools  # (c,) where a session begins
    previous: Ints  # (n,) the acknowledged row that precedes it in its session, -1 for none
    leads: Bools  # (n,) whether later rows of its session come behind it: the end of an UNKNOWN one is not known

    @property
    def keys(self) -> int:
        """How many keys there may be."""
        return len(self.registers.history.keys)

    def reader(self, reads: Ints) -> Ints:
        """The rows of these reads, given by their places here."""
        return self.registers.read_txn[self.read[reads]]

    def written(self, row: int) -> Ints:
        """The keys that a row writes."""
        return self.write_key[self.write_first[row] : self.write_first[row + 1]]

    def value_written(self, row: int, key: int) -> Any:
        """What a row first wrote to a key that it writes."""
        write = self.write[self.write_first[row] + int(np.searchsorted(self.written(row), key))]
        return self.registers.history.values[self.registers.write_value[write]]

    def precedes(self, row: int, other: int) -> bool:
        """Whether a committed row precedes another committed one in their session."""
        client = self.registers.history.client
        return bool(row < other and client[row] == client[other] and self.leads[row])


def accesses_of(registers: Registers) -> Accesses:
    """The accesses of a history, in linear time and a sort of the rows."""
    history = registers.history
    prepare(weak_kernels, len(history.op_kind))
    rows = len(history)
    writer = registers.read_writer
    counts = registers.sees & (writer >= INITIAL) & (writer != registers.read_txn)
    counts[counts] = (writer[counts] == INITIAL) | registers.committed[writer[counts]]
    read = np.flatnonzero(counts).astype(np.int32)
    write = np.flatnonzero(registers.real).astype(np.int32)
    # In the order of keys, and within a key of values, so that the keys of each row will ascend.
    write_first, order = weak_kernels.group(registers.write_txn[write], rows)
    write = write[order]
    write_key = registers.write_key[write].astype(np.int32)
    again = np.flatnonzero(write_key[1:] == write_key[:-1]) + 1
    again = again[registers.write_txn[write[again]] == registers.write_txn[write[again - 1]]]
    if len(again):
        write, write_key = np.delete(write, again), np.delete(write_key, again)
        write_first = _first_of(registers.write_txn[write], rows)
    sequence, begins, previous, leads = _sessions(registers)
    return Accesses(
        registers=registers,
        read_first=_first_of(registers.read_txn[read], rows),
        read=read,
        read_key=registers.read_key[read].astype(np.int32),
        read_writer=writer[read].astype(np.int32),
        write_first=write_first,
        write=write,
        write_key=write_key,
        sequence=sequence,
        begins=begins,
        previous=previous,
        leads=leads,
    )


def _first_of(row: Ints, rows: int) -> Ints:
    """Where each row begins in a column that is grouped by row."""
    return np.concatenate(([0], np.cumsum(np.bincount(row, minlength=rows)))).astype(np.int64)


def _sessions(registers: Registers) -> tuple[Ints, Bools, Ints, Bools]:
    history = registers.history
    committed = np.flatnonzero(registers.committed)
    sequence = committed[np.argsort(history.client[committed], kind="stable")].astype(np.int32)
    client = history.client[sequence]
    begins = np.append(True, client[1:] != client[:-1])[: len(sequence)]
    leads = registers.ok
    # The last acknowledged place before each one, within its session.
    place = np.where(leads[sequence], np.arange(len(sequence)), -1)
    last = np.maximum.accumulate(np.append(-1, place[:-1]))[: len(sequence)]
    session = np.maximum.accumulate(np.where(begins, np.arange(len(sequence)), 0))
    previous = np.full(len(history), -1, dtype=np.int32)
    previous[sequence] = np.where(last >= session, sequence[last], -1) if len(sequence) else sequence
    return sequence, begins, previous, leads
