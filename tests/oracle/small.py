"""A small history as what the definitions speak of: what each transaction needs to find, and what it leaves.

Lists (append, r), registers (w, delete, r) and range reads (scan) in one form: a range read is a read of every key
of the history in that range, of nothing where it did not return the key. At first a key holds nothing: None, or ()
in a history of lists. Bit i of a mask stands for transaction i.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness.history import UNSEEN, Op, Status, Txn

__all__ = ["KEPT", "Read", "Small", "SmallTxn", "bits", "included", "small"]

KEPT = ("", "session", "realtime")  # Orders that a level may keep; each contains the one before it.


class Read(NamedTuple):
    """A read of one key with a known result. `missed`: a range read that did not return the key."""

    place: int
    key: Any
    value: Any
    missed: bool = False


@dataclass
class SmallTxn:
    """One transaction that was not aborted.

    needs: key -> what others must have left there, from its first read on. leaves: key -> its last write, or its
    appends. reads: all, in order. wrote: (place, key, value or element). own: the same with all that the transaction
    itself left there until then.
    consistent: its reads agree with its own earlier reads and writes (axiom INT of Cerone 2015).
    """

    row: int
    status: Status
    needs: dict[Any, Any] = field(default_factory=dict)
    leaves: dict[Any, Any] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    own: list[tuple[int, Any, Any]] = field(default_factory=list)
    wrote: list[tuple[int, Any, Any]] = field(default_factory=list)
    consistent: bool = True

    def left_before(self, read: Read) -> bool:
        """Whether what it read there is what it had left there itself."""
        return any(key == read.key and value == read.value for place, key, value in self.own if place < read.place)


@dataclass
class Small:
    """`txns` are those that were not aborted, in row order; `earlier[kept]` are masks of what must precede each."""

    lists: bool
    txns: list[SmallTxn]
    earlier: dict[str, list[int]]
    written: set[tuple[Any, Any]]  # (key, value or element) that anyone wrote, aborted ones included.

    @property
    def committed(self) -> int:
        """The mask of the OK transactions."""
        return sum(1 << i for i, txn in enumerate(self.txns) if txn.status == Status.OK)

    @property
    def nothing(self) -> Any:
        """What a key holds at first."""
        return () if self.lists else None


def bits(mask: int) -> Iterable[int]:
    """The numbers whose bits are set, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def small(txns: Sequence[Txn]) -> Small:
    """The small form of these transactions, sorted by start; of equal starts in the order given."""
    rows = sorted(txns, key=lambda txn: txn.start)
    ops = [op for txn in rows for op in txn.ops]
    lists = any(op.kind == "append" or (op.kind == "r" and type(op.value) is list) for op in ops)
    written = {(op.key, op.value) for op in ops if op.kind in {"w", "append"}}
    keys = {key for key, _ in written}
    kept = [(row, txn) for row, txn in enumerate(rows) if txn.status != Status.ABORTED]
    return Small(
        lists=lists,
        txns=[_small_txn(row, txn, lists, keys) for row, txn in kept],
        earlier={order: _earlier([txn for _, txn in kept], order) for order in KEPT},
        written=written,
    )


def included(history: Small) -> set[int]:
    """The OK transactions, and again and again those whose write one of these read.

    Who found nothing need not have met a delete.
    """
    members = set(bits(history.committed))
    while True:
        seen = {
            (read.key, value)
            for i in members
            for read in history.txns[i].reads
            for value in (read.value if history.lists else [read.value])
            if value is not None
        }
        more = {i for i, txn in enumerate(history.txns) if any((key, value) in seen for _, key, value in txn.wrote)}
        if more <= members:
            return members
        members |= more


def _earlier(rows: Sequence[Txn], kept: str) -> list[int]:
    """Nothing has to follow an UNKNOWN transaction: it may take effect after its end."""
    masks = []
    for b, later in enumerate(rows):
        mask = 0
        for a, one in enumerate(rows):
            in_session = kept != "" and one.client == later.client and a < b
            in_time = kept == "realtime" and one.end < later.start
            if one.status == Status.OK and (in_session or in_time):
                mask |= 1 << a
        masks.append(mask)
    return masks


def _small_txn(row: int, txn: Txn, lists: bool, keys: set[Any]) -> SmallTxn:
    found = SmallTxn(row, txn.status)
    for place, op in enumerate(txn.ops):
        if op.kind == "append":
            found.leaves[op.key] = (*found.leaves.get(op.key, ()), op.value)
        elif op.kind in {"w", "delete"}:
            found.leaves[op.key] = op.value if op.kind == "w" else None
        elif op.value is not UNSEEN:
            for read in _reads(place, op, lists, keys):
                found.reads.append(read)
                _see(found, read, lists)
        if op.kind in {"append", "w", "delete"}:
            found.wrote.append((place, op.key, op.value))
            found.own.append((place, op.key, found.leaves[op.key]))
    return found


def _reads(place: int, op: Op, lists: bool, keys: set[Any]) -> list[Read]:
    if op.kind == "r":
        return [Read(place, op.key, tuple(op.value or ()) if lists else op.value)]
    assert op.kind == "scan", op
    inside = {key for key in keys if _inside(key, op.key)}
    return [Read(place, key, op.value.get(key), key not in op.value) for key in sorted(inside | set(op.value))]


def _inside(key: Any, bounds: Any) -> bool:
    return bounds[0] <= key < bounds[1] if isinstance(bounds, tuple) else key.startswith(bounds)


def _see(txn: SmallTxn, read: Read, lists: bool) -> None:
    """Note what the read needs from others, and whether it agrees with what the transaction knows already."""
    base = read.value
    if lists:
        own = txn.leaves.get(read.key, ())
        cut = len(base) - len(own)
        txn.consistent &= base[max(cut, 0) :] == own
        base = base[: max(cut, 0)]
    elif read.key in txn.leaves:
        txn.consistent &= read.value == txn.leaves[read.key]
        return
    txn.consistent &= txn.needs.setdefault(read.key, base) == base
