"""A history's plain reads and writes as flat columns, with each read joined to the transaction that it read from.

Every version of a key is known by its value, since no value is written to a key twice; where one is, the reads
of it are left out and the doubt is told. `None` is the version before the first write, or what an initial
transaction is told to have written. The pairs that a scan returned are reads too. An operation after a write of
the same key by the same transaction is left out: it says nothing about other transactions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from checkers import register_kernels
from checkers.compiling import prepare
from checkers.findings import shown
from checkers.joins import Bools, Ints, find, is_in
from checkers.register_kernels import Numbers
from harness.history import KIND_CODE, SCALAR, UNSEEN_LENGTH, History, Status
from harness.verdict import Doubt

__all__ = ["GARBAGE", "HIDDEN", "INITIAL", "Registers", "initial_row", "registers_of"]

INITIAL = -1  # The writer of the version before the first write.
GARBAGE = -2  # The writer of a value that nobody wrote.
HIDDEN = -3  # The writer of a value that may be that of a write whose record lacks it.
_R, _W, _SCAN, _SQL = (KIND_CODE[kind] for kind in ("r", "w", "scan", "sql"))


@dataclass(frozen=True, kw_only=True)
class Registers:
    """r reads and w writes of single keys; keys and values are numbers into the history's dictionaries.

    `read_writer` is the row that wrote what was read, INITIAL, GARBAGE or HIDDEN. `committed` (one per transaction):
    OK, or UNKNOWN and read by a committed transaction. Reads and writes of transactions of every status are
    here, reads as they were made. Writes are in ascending order of (key, value).
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


def initial_row(history: History) -> int:
    """The row of the initial transaction of a history that tells only the order within each client, or -1.

    There all transactions share one interval, and whatever lies before it is the initial state by declaration. It
    reads nothing.
    """
    if history.info.clock != "sessions" or len(history) < 2 or history.status[0] != Status.OK:
        return -1
    if bool(np.isin(history.op_kind[: history.op_offset[1]], (_R, _SCAN, _SQL)).any()):
        return -1
    return 0 if history.end[0] < history.start[1:].min() else -1


def registers_of(history: History, *, past_own_writes: bool = False) -> Registers:
    """The registers of a history of n transactions, m operations, k keys and v values, in time m log m + k + v.

    With `past_own_writes`, reads of a key that the reader had written itself are kept: what is not its own there
    contradicts it, and comes from somebody all the same.
    """
    prepare(register_kernels, len(history.op_kind))
    op_txn = np.repeat(np.arange(len(history), dtype=np.int32), np.diff(history.op_offset))
    write_op, doubtful_keys = _writes(history)
    read_op, read_key, read_value = _reads(history, write_op, past_own_writes)
    if doubtful_keys.any():
        write_op = write_op[~doubtful_keys[history.op_key[write_op]]]
        clear = ~doubtful_keys[read_key]
        read_op, read_key, read_value = read_op[clear], read_key[clear], read_value[clear]

    keys, values = len(history.keys), len(history.values)
    write_key, write_value = history.op_key[write_op], history.op_value[write_op]
    order = register_kernels.sort_versions(write_key, write_value, keys, values)
    write_op, write_key, write_value = write_op[order], write_key[order], write_value[order]
    again = np.flatnonzero((write_key[1:] == write_key[:-1]) & (write_value[1:] == write_value[:-1]))
    found = register_kernels.find_versions(write_key, write_value, read_key, read_value, keys)
    if len(again):
        several = np.zeros(len(write_op) + 1, dtype=np.bool_)  # The last place is that of what was not found.
        several[again] = True
        known = ~several[found]
        read_op, read_key, read_value, found = read_op[known], read_key[known], read_value[known], found[known]
    write_txn = op_txn[write_op]
    writer = _writers(history, read_key, read_value, write_txn, found)
    read_txn = op_txn[read_op].astype(np.int64)
    registers = Registers(
        history=history,
        read_txn=read_txn,
        read_key=read_key.astype(np.int64),
        read_value=read_value,
        read_writer=writer,
        read_op=read_op,
        write_op=write_op,
        write_txn=write_txn.astype(np.int64),
        write_key=write_key.astype(np.int64),
        write_value=write_value,
        committed=_committed(history, read_txn, writer),
        doubts=(*_doubts_of_keys(history, doubtful_keys), *_doubts_of_versions(history, again, write_op, op_txn)),
    )
    initial = initial_row(history)
    return registers if initial < 0 else _begun(registers, initial)


def _begun(registers: Registers, initial: int) -> Registers:
    """What the initial transaction wrote as the state before the first write; that nobody found nothing there."""
    mine = registers.write_txn == initial
    told = is_in(registers.read_key, registers.write_key[mine]) & (registers.read_txn != initial)
    writer = np.where(told & (registers.read_writer == INITIAL), GARBAGE, registers.read_writer)
    return replace(
        registers,
        read_writer=np.where(writer == initial, INITIAL, writer),
        write_op=registers.write_op[~mine],
        write_txn=registers.write_txn[~mine],
        write_key=registers.write_key[~mine],
        write_value=registers.write_value[~mine],
    )


def _writers(history: History, read_key: Numbers, read_value: Numbers, write_txn: Numbers, found: Numbers) -> Ints:
    """The row that wrote what was read, found at place `found` of the writes or at -1; INITIAL, GARBAGE, HIDDEN."""
    writer = np.append(write_txn, GARBAGE)[found].astype(np.int64)
    missing = np.flatnonzero(found < 0)
    of_missing = np.full(len(missing), GARBAGE, dtype=np.int64)
    of_missing[is_in(read_key[missing], _keys_of_unseen_writes(history))] = HIDDEN
    of_missing[read_value[missing] == _number_of_none(history)] = INITIAL
    writer[missing] = of_missing
    return writer


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


def _reads(history: History, write_op: Ints, past_own_writes: bool) -> tuple[Ints, Numbers, Ints]:
    """(operation, key, value) of what was read, as it was read; before the reader's own write of that key only,
    or `past_own_writes` too.
    """
    op = np.flatnonzero((history.op_kind == _R) & (history.op_length == SCALAR))
    key, value = history.op_key[op], history.op_value[op]
    scan = np.flatnonzero((history.op_kind == _SCAN) & (history.op_length > 0))
    if len(scan):
        pairs = history.op_length[scan].astype(np.int64) // 2
        within = np.arange(int(pairs.sum())) - np.repeat(np.cumsum(pairs) - pairs, pairs)
        place = np.repeat(history.op_value[scan], pairs) + 2 * within
        op = np.concatenate([op, np.repeat(scan, pairs)])
        order = np.argsort(op, kind="stable")
        op = op[order]
        key = np.concatenate([key, history.elements[place]])[order]
        value = np.concatenate([value, history.elements[place + 1]])[order]
    if past_own_writes:
        return op, key, value
    before = register_kernels.before_own_writes(
        history.op_offset, op, key, write_op, history.op_key[write_op], len(history.keys)
    ).view(np.bool_)
    return op[before], key[before], value[before]


def _committed(history: History, reader: Ints, writer: Ints) -> Bools:
    """OK, and the least fixpoint of UNKNOWN transactions that a committed one read from."""
    committed = np.asarray(history.status == Status.OK)
    reader, writer = reader[writer >= 0], writer[writer >= 0]
    matters = history.status[writer] == Status.UNKNOWN
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


def _doubts_of_versions(history: History, again: Ints, write_op: Ints, op_txn: Numbers) -> list[Doubt]:
    """`again` are the places of writes whose version the next one writes too."""
    if len(again) == 0:
        return []
    one, two = int(write_op[again[0]]), int(write_op[again[0] + 1])
    key, value = shown(history.keys[history.op_key[one]]), shown(history.values[history.op_value[one]])
    sentence = f"T{op_txn[one]} and T{op_txn[two]} both wrote {value} to {key}: a read of it may be of either"
    return [Doubt("evidence", sentence + _and_others(len(again) - 1))]


def _and_others(more: int) -> str:
    return f", and {more} more like it" if more else ""
