"""Brute force: is there an order in which these transactions, one after another, see what they saw?

    T1  r x 10 · w x 11          T1, T2 ✗  T2 would have read 11
    T2  r x 10 · w x 12          T2, T1 ✗  T1 would have read 12          so one of them had to be refused

Every order is tried, and given up at the first read that it contradicts. Made for scripted histories of a few
transactions of plain reads, writes, deletes and scans: the definition itself, with nothing clever in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.history import UNSEEN, History, Op, Status, Txn

__all__ = ["KINDS_REPLAYED", "TXNS_MAX", "serial_order"]

KINDS_REPLAYED = frozenset({"r", "w", "delete", "scan"})
TXNS_MAX = 9

State = Mapping[Any, Any]  # What is stored; a key that is not here holds nothing.


def serial_order(history: History, *, real_time: bool = True) -> tuple[int, ...] | None:
    """Rows in an order that explains every committed transaction; None where there is no such order.

    With `real_time`, a transaction that ended before another began comes first: strict serializability. An
    UNKNOWN transaction may have taken effect, at any time after its start, or not at all.

    Raises ValueError for more than TXNS_MAX transactions, or for an operation that cannot be replayed.
    """
    txns = [txn for txn in history.txns() if txn.status is not Status.ABORTED]
    if len(txns) > TXNS_MAX:
        raise ValueError(f"there are too many orders of {len(txns)} transactions to try them all")
    strange = {op.kind for txn in txns for op in txn.ops} - KINDS_REPLAYED
    if strange:
        raise ValueError(f"operation {min(strange)} cannot be replayed")
    return _extended((), txns, {}, real_time)


def _extended(order: tuple[int, ...], left: Sequence[Txn], state: State, real_time: bool) -> tuple[int, ...] | None:
    """An order that begins so and explains all that is left."""
    certain = [txn for txn in left if txn.status is Status.OK]
    if not certain:
        return order
    for txn in left:
        if real_time and any(one.end < txn.start for one in certain):
            continue
        after = _replayed(txn.ops, state)
        if after is not None:
            found = _extended((*order, txn.id), [one for one in left if one is not txn], after, real_time)
            if found is not None:
                return found
    return None


def _replayed(ops: Sequence[Op], state: State) -> State | None:
    """What is stored after these operations; None where one of them would have seen something else."""
    now = dict(state)
    for kind, key, value in ops:
        if kind == "w":
            now[key] = value
        elif kind == "delete":
            now[key] = None
        elif value is not UNSEEN and value != (now.get(key) if kind == "r" else _scanned(now, key)):
            return None
    return now


def _scanned(state: State, asked: Any) -> dict[Any, Any]:
    if isinstance(asked, tuple):
        low, high = asked
        return {key: value for key, value in state.items() if low <= key < high and value is not None}
    return {key: value for key, value in state.items() if key.startswith(asked) and value is not None}
