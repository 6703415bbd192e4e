"""A history's plain reads and writes as flat columns, with each read joined to the transaction that it read from.

Every version of a key is known by its value, since no value is written to a key twice; where one is, the reads
of it are left out and the doubt is told. `None` is the version before the first write. The pairs that a scan
returned are reads too. An operation after a write of the same key by the same transaction is left out: it says
nothing about other transactions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from checkers.findings import shown
from checkers.joins import Bools, Ints, find, is_in
from harness.history import KIND_CODE, SCALAR, UNSEEN_LENGTH, History, Status
from harness.verdict import Doubt

__all__ = ["GARBAGE", "HIDDEN", "INITIAL", "Registers", "registers_of"]

INITIAL = -1  # The writer of the version before the first write.
GARBAGE = -2  # The writer of a value that nobody wrote.
HIDDEN = -3  # The writer of a value that may be that of a write whose record lacks it.
_R, _W, _SCAN, _SQL = (KIND_CODE[kind] for kind in ("r", "w", "scan", "sql"))


@dataclass(frozen=True, kw_only=True)
class Registers:
    """r reads and w writes of single keys; keys and values are numbers into the history's dictionaries.

    `read_writer` is the row that wrote what was read, INITIAL, GARBAGE or HIDDEN. `committed` (one per transaction):
    OK, or UNKNOWN and read by a committed transaction. Reads and writes of transactions of every status are
    here. Writes are in ascending order of (key, value).
    """

    history: History
    read_txn: Ints  # (r,)
    read_key: Ints  # (r,)
    read_value: Ints  # (r,)
    read_writer: Ints  # (r,)
    read_op: Ints  # (r,) the operation that saw it
    write_op: Ints  # (w,) the operation itself
    write_txn: Ints  # (w,)
    write_key: Ints  # (w,)
    write_value: Ints  # (w,)
    committed: Bools  # (n,)
    doubts: tuple[Doubt, ...]

    @cached_property
    def ok(self) -> Bools:
        """(n,) the acknowledged transactions."""
        return np.asarray(self.history.status == Status.OK)

    @cached_property
    def sees(self) -> Bools:
        """(r,) the reads by committed transactions: the only ones that a database answers for."""
        return np.asarray(self.committed[self.read_txn])

    @cached_property
    def real(self) -> Bools:
        """(w,) the writes by committed transactions."""
        return np.asarray(self.committed[self.write_txn])

    @cached_property
    def read_updated(self) -> Ints:
        """(r,) the write, as its index, with which the reader itself replaced what it had read, or -1."""
        keys = max(len(self.history.keys), 1)
        written = self.write_txn * keys + self.write_key
        order = np.argsort(written, kind="stable")
        return find(written[order], self.read_txn * keys + self.read_key, order, absent=-1)


def registers_of(history: History) -> Registers:
    """The registers of a history, in time n log n."""
    op_txn = np.repeat(np.arange(len(history)), np.diff(history.op_offset))
    write_op, doubtful_keys = _writes(history)
    read_op, read_key, read_value = _reads(history, op_txn, write_op)
    clear_write = ~doubtful_keys[history.op_key[write_op]]
    clear_read = ~doubtful_keys[read_key]
    write_op, read_op = write_op[clear_write], read_op[clear_read]
    read_key, read_value = read_key[clear_read], read_value[clear_read]

    values = max(len(history.values), 1)
    version = history.op_key[write_op].astype(np.int64) * values + history.op_value[write_op]
    order = np.argsort(version, kind="stable")
    write_op, version = write_op[order], version[order]
    repeated = version[1:][version[1:] == version[:-1]]
    wanted = read_key * values + read_value
    known = ~is_in(wanted, repeated)
    read_op, read_key, read_value, wanted = read_op[known], read_key[known], read_value[known], wanted[known]
    writer = find(version, wanted, op_txn[write_op], absent=GARBAGE)
    writer[read_value == _number_of_none(history)] = INITIAL
    writer[(writer == GARBAGE) & is_in(read_key, _keys_of_unseen_writes(history))] = HIDDEN
    return Registers(
        history=history,
        read_txn=op_txn[read_op],
        read_key=read_key,
        read_value=read_value,
        read_writer=writer,
        read_op=read_op,
        write_op=write_op,
        write_txn=op_txn[write_op],
        write_key=history.op_key[write_op].astype(np.int64),
        write_value=history.op_value[write_op],
        committed=_committed(history, op_txn[read_op], writer),
        doubts=(*_doubts_of_keys(history, doubtful_keys), *_doubts_of_versions(history, version, write_op, op_txn)),
    )


def _number_of_none(history: History) -> int:
    return next((number for number, value in enumerate(history.values) if value is None), -1)


def _writes(history: History) -> tuple[Ints, Bools]:
    """The operations that write a known value, and which keys are changed or read in any other way."""
    kind, length = history.op_kind, history.op_length
    write = (kind == _W) & (length == SCALAR) & (history.op_value != _number_of_none(history))
    unseen = (kind == _W) & (length == UNSEEN_LENGTH)
    # A statement of its own is the set-up's, and its key a label.
    plain = write | unseen | ((kind == _R) & (length < 0)) | (kind == _SCAN) | (kind == _SQL)
    doubtful = np.zeros(len(history.keys), dtype=np.bool_)
    doubtful[history.op_key[~plain]] = True
    return np.flatnonzero(write), doubtful


def _keys_of_unseen_writes(history: History) -> Ints:
    """Keys that may hold a value which was never recorded, so that nothing read from them is surely garbage."""
    unseen = (history.op_kind == _W) & (history.op_length == UNSEEN_LENGTH)
    return np.unique(history.op_key[unseen]).astype(np.int64)


def _reads(history: History, op_txn: Ints, write_op: Ints) -> tuple[Ints, Ints, Ints]:
    """(operation, key, value) of everything read before the reader's own write of that key."""
    point = np.flatnonzero((history.op_kind == _R) & (history.op_length == SCALAR))
    scan = np.flatnonzero((history.op_kind == _SCAN) & (history.op_length > 0))
    pairs = history.op_length[scan].astype(np.int64) // 2
    within = np.arange(int(pairs.sum())) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    place = np.repeat(history.op_value[scan], pairs) + 2 * within
    op = np.concatenate([point, np.repeat(scan, pairs)])
    key = np.concatenate([history.op_key[point], history.elements[place]]).astype(np.int64)
    value = np.concatenate([history.op_value[point], history.elements[place + 1]]).astype(np.int64)

    keys = max(len(history.keys), 1)
    own = op_txn[write_op] * keys + history.op_key[write_op]
    order = np.argsort(own, kind="stable")
    first_write = find(own[order], op_txn[op] * keys + key, write_op[order], absent=len(history.op_kind))
    before = op < first_write
    return op[before], key[before], value[before]


def _committed(history: History, reader: Ints, writer: Ints) -> Bools:
    """OK, and the least fixpoint of UNKNOWN transactions that a committed one read from."""
    committed = np.asarray(history.status == Status.OK)
    matters = (writer >= 0) & (history.status[writer] == Status.UNKNOWN)
    reader, writer = reader[matters], writer[matters]
    while True:
        more = writer[committed[reader] & ~committed[writer]]
        if len(more) == 0:
            return committed
        committed[more] = True


def _doubts_of_keys(history: History, doubtful: Bools) -> list[Doubt]:
    if not doubtful.any():
        return []
    first = shown(history.keys[int(np.flatnonzero(doubtful)[0])])
    sentence = f"{first} is not used by plain reads and writes of single values alone, so it was left out"
    return [Doubt("evidence", sentence + _and_others(int(doubtful.sum()) - 1))]


def _doubts_of_versions(history: History, version: Ints, write_op: Ints, op_txn: Ints) -> list[Doubt]:
    again = np.flatnonzero(version[1:] == version[:-1])
    if len(again) == 0:
        return []
    one, two = int(write_op[again[0]]), int(write_op[again[0] + 1])
    key, value = shown(history.keys[history.op_key[one]]), shown(history.values[history.op_value[one]])
    sentence = f"T{op_txn[one]} and T{op_txn[two]} both wrote {value} to {key}: a read of it may be of either"
    return [Doubt("evidence", sentence + _and_others(len(again) - 1))]


def _and_others(more: int) -> str:
    return f", and {more} more like it" if more else ""
