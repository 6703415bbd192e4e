"""From events to columns: the one place where what clients reported becomes a `History`.

Values are told apart by type and content (1, True, 1.0 and "1" are four values), lists that were read are
stored once per key and shared by every read that saw a beginning of them, and rows end up in start order.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, Final

import msgspec
import numpy as np

from harness.history import KIND_CODE, SCALAR, UNSEEN, UNSEEN_LENGTH, Fault, History, Op, RunInfo, Status, Txn

__all__ = ["Chain", "HistoryBuilder", "Numbers", "build_history", "frozen"]

_CHAINS_PER_KEY: Final = 4
_DEPTH_MAX: Final = 90  # What is written as EDN is read again: `harness.edn` takes 100 levels, an operation a few.
_INT64: Final = range(-(2**63), 2**63)


def frozen(value: Any, depth: int = 0) -> Any:
    """`value` in a form that compares by content and survives storage: lists become tuples, and so on.

    A mapping becomes ("#map", (key, value), ...), a set ("#set", ...), an integer beyond 64 bits
    ("#int", digits), a text that UTF-8 cannot hold ("#str", its bytes), anything else unknown to the stored form
    ("#" + type name, its text). Of a driver's own kind of float, str or bytes only the value stays. `depth` is
    how many values it lies in. Raises RecursionError where values are nested more than 90 levels deep.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, int) and value in _INT64:
        return int(value)
    if depth >= _DEPTH_MAX:
        raise RecursionError(f"values are nested more than {_DEPTH_MAX} levels deep")
    depth += 1
    if isinstance(value, int):
        return ("#int", str(value))
    if isinstance(value, list | tuple):
        return tuple(frozen(one, depth) for one in value)
    if isinstance(value, dict):
        return ("#map", *sorted((frozen(pair, depth) for pair in value.items()), key=repr))
    if isinstance(value, set | frozenset):
        return ("#set", *sorted((frozen(one, depth) for one in value), key=repr))
    return (f"#{type(value).__name__}", _text(str(value)))


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return ("#str", value.encode("utf-8", "surrogatepass"))
    return str(value)


class Numbers:
    """Numbers for values, in the order of their first appearance."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._number: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        """The number of `value`, a new one where it was never seen."""
        kind = type(value)
        if (kind is int and -(2**63) <= value < 2**63) or kind is str:
            identity = value
        else:
            value = frozen(value)
            identity = (type(value).__name__, msgspec.msgpack.encode(value))
        found = self._number.get(identity)
        if found is None:
            found = self._number[identity] = len(self.values)
            self.values.append(value)
        return found


class Chain:
    """One list as far as it was ever read, to be shared by all reads of a beginning of it."""

    __slots__ = ("ids", "index")

    def __init__(self, index: int, ids: list[int]) -> None:
        self.index = index
        self.ids = ids


class HistoryBuilder:
    """Collects transactions in any order; `build` sorts them by start and seals the columns.

    Who has many operations in a form of his own may append to the columns of operations himself, and end each
    transaction with `add_row`: `value` holds the number of a value, or of a chain where `length` is not negative.
    """

    def __init__(self) -> None:
        self.keys = Numbers()
        self.values = Numbers()
        self.kind = array("b")
        self.key = array("i")
        self.value = array("q")
        self.length = array("i")
        self._rows = array("q")  # Of each row: start, client, end, status, error.
        self._offset = array("q", [0])
        self._chains: list[Chain] = []
        self._of_key: dict[int, list[Chain]] = {}
        self._timestamps: dict[int, tuple[int, int]] = {}  # By the number of the row.

    def add(
        self,
        client: int,
        start: int,
        end: int,
        status: Status,
        ops: Iterable[Op],
        error: str = "",
        *,
        timestamps: tuple[int, int] | None = None,
    ) -> None:
        """One transaction with its completed operations; `UNSEEN` marks a result that never came.

        `timestamps` are those of its snapshot and its commit, where the database exposes them, -1 for unknown.
        """
        if timestamps is not None:
            self._timestamps[len(self._offset) - 1] = timestamps
        for op in ops:
            self._add_op(op)
        self.add_row(client, start, end, status, error)

    def add_row(self, client: int, start: int, end: int, status: Status, error: str = "") -> None:
        """One transaction, of the operations that are in the columns since the last one."""
        number = self.values.number(error) if error else -1
        self._rows.extend((start, client, end, status, number))
        self._offset.append(len(self.kind))

    def add_rows(self, rows: Iterable[int], ops: Iterable[int]) -> None:
        """Many transactions: start, client, end, status and -1 of each, and how many operations it has."""
        self._rows.extend(rows)
        offset = self._offset[-1]
        self._offset.extend(offset + count for count in accumulate(ops))

    def _add_op(self, op: Op) -> None:
        kind, key, value = op
        key_number = self.keys.number(key)
        self.kind.append(KIND_CODE[kind])
        self.key.append(key_number)
        if value is UNSEEN:
            self.value.append(0)
            self.length.append(UNSEEN_LENGTH)
        elif kind == "scan" and isinstance(value, dict):
            pairs = [number for k, v in value.items() for number in (self.keys.number(k), self.values.number(v))]
            self.value.append(self._new_chain(pairs).index)
            self.length.append(len(pairs))
        elif type(value) is list:
            self.value.append(self.chain(key_number, [self.values.number(one) for one in value]).index)
            self.length.append(len(value))
        else:
            self.value.append(self.values.number(value))
            self.length.append(SCALAR)

    def chain(self, key: int, ids: list[int]) -> Chain:
        """A chain of `key` that begins with `ids`: an old one, an old one made longer, or a new one."""
        chains = self._of_key.setdefault(key, [])
        for chain in chains:
            shared = min(len(chain.ids), len(ids))
            if chain.ids[:shared] == ids[:shared]:
                chain.ids.extend(ids[shared:])
                return chain
        chain = self._new_chain(ids)
        if len(chains) < _CHAINS_PER_KEY:
            chains.append(chain)
        return chain

    def _new_chain(self, ids: list[int]) -> Chain:
        chain = Chain(len(self._chains), ids)
        self._chains.append(chain)
        return chain

    def _elements(self) -> np.ndarray[Any, np.dtype[np.int32]]:
        elements = array("i")
        for chain in self._chains:
            elements.extend(chain.ids)
        return np.array(elements, dtype=np.int32)

    def build(self, info: RunInfo, *, faults: Sequence[Fault] = (), cut: str = "") -> History:
        """The history, rows in the order of (start, order of adding)."""
        rows = np.array(self._rows).reshape(-1, 5)
        order = np.argsort(rows[:, 0], kind="stable")
        offset = np.array(self._offset)
        counts = np.diff(offset)[order]
        new_offset = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        ops = np.repeat(offset[:-1][order] - new_offset[:-1], counts) + np.arange(new_offset[-1])
        lengths = np.array(self.length)
        values = np.array(self.value)
        starts = np.cumsum([0] + [len(chain.ids) for chain in self._chains])
        listed = lengths >= 0
        values[listed] = starts[values[listed]]
        rows = rows[order]
        stamps = np.full((len(rows) if self._timestamps else 0, 2), -1, dtype=np.int64)
        if self._timestamps:
            stamps[list(self._timestamps)] = list(self._timestamps.values())
            stamps = stamps[order]
        history = History(
            info=info,
            client=rows[:, 1].astype(np.int32),
            status=rows[:, 3].astype(np.int8),
            start=rows[:, 0].copy(),
            end=rows[:, 2].copy(),
            error=rows[:, 4].astype(np.int32),
            op_offset=new_offset,
            op_kind=np.array(self.kind)[ops],
            op_key=np.array(self.key)[ops],
            op_value=values[ops],
            op_length=lengths[ops],
            elements=self._elements(),
            keys=tuple(self.keys.values),
            values=tuple(self.values.values),
            faults=tuple(faults),
            cut=cut,
            snapshot_timestamp=stamps[:, 0].copy(),
            commit_timestamp=stamps[:, 1].copy(),
        )
        history._check()
        return history


def build_history(
    txns: Iterable[Txn], info: RunInfo | None = None, *, faults: Sequence[Fault] = (), cut: str = ""
) -> History:
    """A history of these transactions (their ids are ignored: a row's number is its place in start order)."""
    builder = HistoryBuilder()
    for txn in txns:
        builder.add(txn.client, txn.start, txn.end, txn.status, txn.ops, txn.error)
    return builder.build(info or RunInfo(), faults=faults, cut=cut)
