"""Verifies witnesses: whether each step of a cycle says what the operations of the history show, and the name fits.

It knows nothing of how a cycle was found. A step `before -> after` holds where

    session    one client ran before first, and its outcome is known
    realtime   before is known to have committed before after began
    wr         after read what before left at the key; of a list, by the names that begin with G, before's is the last
    ww         after's version of the key is newer
    rw         before read the key, and did not see after's version, which is newer than the one it read

Of lists a read shows which version is newer, or that nobody has seen it yet; of registers it is sure by
`sure_orders`, and the order of sessions or of time that this takes counts for the name. Otherwise the step says that
the order is open, or the anomaly tells in its details why it has to be so, or what follows if it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.history import UNSEEN, Status, Txn
from harness.verdict import Anomaly, Step

from .cycles import CLASSES, PHENOMENA, Phenomenon, cycle_class
from .small import KEPT, included, small
from .sure_orders import sure_orders

__all__ = ["broken"]


def broken(anomaly: Anomaly, txns: Sequence[Txn]) -> str:
    """What is wrong with a witness, or nothing. `txns` are the history's rows."""
    if not anomaly.txns or not all(0 <= row < len(txns) for row in anomaly.txns):
        return "it names no transactions"
    if not anomaly.steps:
        return ""
    after = [step.after for step in anomaly.steps]
    if [step.before for step in anomaly.steps] != list(anomaly.txns) or after[-1:] + after[:-1] != list(anomaly.txns):
        return "its steps are no cycle of its transactions"
    if len(set(anomaly.txns)) < len(anomaly.txns):
        return "it visits a transaction twice"
    orders = _Orders(txns, with_rw=not anomaly.name.startswith(("G0", "G1c")))
    for step in anomaly.steps:
        if not step.sentence or not _holds(step, anomaly, txns, orders):
            return f"step {step.kind} from T{step.before} to T{step.after} at {step.key!r} is not what was seen"
    return _misnamed(anomaly, orders)


def _holds(step: Step, anomaly: Anomaly, txns: Sequence[Txn], orders: _Orders) -> bool:
    if not _HOLDS[step.kind](step, txns):
        return step.kind == "wr" and not anomaly.name.startswith("G") and _sees_part(step, txns)
    if step.kind not in {"ww", "rw"} or step.value is None or orders.suffix_of(step) is not None:
        return True
    reasons = [line for line in anomaly.details if f"T{step.before} " in line and f"T{step.after} " in line]
    return bool(reasons) or any(line.startswith("If not") for line in anomaly.details)


def _misnamed(anomaly: Anomaly, orders: _Orders) -> str:
    """Whether the class, the kind and the suffix of a cycle's name are those of its steps.

    A cycle by an open order may be a smaller one: the name is what holds under every order. For registers, too, the
    suffix may be greater than it has to be, as the inferences of a checker need not be all.
    """
    named = next((one for one in PHENOMENA if one.name == anomaly.name), None)
    if named is None:
        return ""  # Named by the level that it contradicts.
    kinds = [{"session": "ww", "realtime": "ww"}.get(step.kind, step.kind) for step in anomaly.steps]
    predicate = any(step.predicate for step in anomaly.steps if step.kind == "rw")
    suffix = max(orders.suffix_of(step) or 0 for step in anomaly.steps)
    shown = Phenomenon(CLASSES.index(cycle_class(kinds)), suffix, int(predicate))
    open_order = not orders.lists or any(step.kind == "ww" and step.value is None for step in anomaly.steps)
    return "" if shown.name == named.name or (open_order and shown.below(named)) else f"its steps show {shown.name}"


class _Orders:
    """Which orders of versions are sure, by the orders of transactions that are kept."""

    def __init__(self, txns: Sequence[Txn], *, with_rw: bool) -> None:
        self.txns = txns
        self.with_rw = with_rw
        self.lists = any(op.kind == "append" for txn in txns for op in txn.ops)
        self._sure: list[set[tuple[Any, int, int]]] = []

    def suffix_of(self, step: Step) -> int | None:
        """A number into SUFFIXES: the weakest order by which the step is sure; None where it is not."""
        if step.kind in {"session", "realtime"}:
            return 1 if step.kind == "session" else 2
        if step.kind == "wr" or self.lists:
            return 0
        if not self._sure:
            self._sure = [sure_orders(self.txns, kept, with_rw=self.with_rw) for kept in KEPT]
        return next((suffix for suffix, sure in enumerate(self._sure) if self._is_newer(step, sure)), None)

    def _is_newer(self, step: Step, sure: set[tuple[Any, int, int]]) -> bool:
        if step.kind == "ww":
            return (step.key, step.before, step.after) in sure
        read = list(_seen(self.txns[step.before], step.key))
        if [None] in read:
            return True  # What was there at first is older than everything; a delete is looked at elsewhere.
        left = [_left(txn, step.key) for txn in self.txns]
        if any(value not in [one[-1:] for one in left] for value in read):
            return True  # Nobody left what was read: no order of versions can be held against it.
        older = [row for row, txn in enumerate(self.txns) if _left(txn, step.key)[-1:] in read]
        return any((step.key, row, step.after) in sure for row in older)


def _session(step: Step, txns: Sequence[Txn]) -> bool:
    before, after = txns[step.before], txns[step.after]
    return before.client == after.client and step.before < step.after and before.status == Status.OK


def _realtime(step: Step, txns: Sequence[Txn]) -> bool:
    before, after = txns[step.before], txns[step.after]
    return before.end < after.start and before.status == Status.OK


def _write_read(step: Step, txns: Sequence[Txn]) -> bool:
    left = _left(txns[step.before], step.key)
    return any(
        (left[-1] == seen[-1] if seen else False) or _last_by(seen, step.before, step.key, txns)
        for seen in _seen(txns[step.after], step.key)
    )


def _sees_part(step: Step, txns: Sequence[Txn]) -> bool:
    left = _left(txns[step.before], step.key)
    return any(element in left for seen in _seen(txns[step.after], step.key) for element in seen)


def _last_by(seen: Sequence[Any], row: int, key: Any, txns: Sequence[Txn]) -> bool:
    """Whether of those in the list that were not aborted and stand there first the last one is this transaction's."""
    writers = [
        other for element in dict.fromkeys(seen) for other, txn in enumerate(txns) if element in _left(txn, key)
    ]
    known = [other for other in writers if txns[other].status != Status.ABORTED]
    return bool(known) and known[-1] == row


def _write_write(step: Step, txns: Sequence[Txn]) -> bool:
    first, second = _left(txns[step.before], step.key), _left(txns[step.after], step.key)
    if not first or not second:
        return False
    if not any(op.kind == "append" for op in txns[step.before].ops) or step.value is None:
        return True
    return any(_precedes(one, other, step, txns) for one in first for other in second)


def _precedes(one: Any, other: Any, step: Step, txns: Sequence[Txn]) -> bool:
    """Whether a list shows the elements in this order, or all that have the one lack the other."""
    history = small(txns)
    readers = [txns[history.txns[i].row] for i in included(history)]
    lists = [seen for txn in readers for seen in _seen(txn, step.key)]
    shown = any(one in seen and other in seen[list(seen).index(one) :] for seen in lists)
    return shown or (any(one in seen for seen in lists) and not any(other in seen for seen in lists))


def _read_write(step: Step, txns: Sequence[Txn]) -> bool:
    """The reader saw the key without the write; a delete leaves nothing to be seen."""
    left = _left(txns[step.after], step.key)
    missed = [step.value] if step.value in left else left
    return any(one not in seen or one is None for seen in _seen(txns[step.before], step.key) for one in missed)


_HOLDS: dict[str, Callable[[Step, Sequence[Txn]], bool]] = {
    "session": _session,
    "realtime": _realtime,
    "wr": _write_read,
    "ww": _write_write,
    "rw": _read_write,
}


def _left(txn: Txn, key: Any) -> list[Any]:
    """What the transaction wrote or appended there; None for a delete."""
    return [None if op.kind == "delete" else op.value for op in txn.ops if op.key == key and op.kind in _WRITES]


def _seen(txn: Txn, key: Any) -> Iterator[list[Any]]:
    """Each read of the key as a list: its elements, its value alone, or nothing."""
    for op in txn.ops:
        if op.value is UNSEEN or op.kind not in {"r", "scan"}:
            continue
        if op.kind == "scan":
            if _inside(key, op.key):
                yield [op.value.get(key)]
        elif op.key == key:
            yield op.value if isinstance(op.value, list) else [op.value]


def _inside(key: Any, bounds: Any) -> bool:
    return bounds[0] <= key < bounds[1] if isinstance(bounds, tuple) else key.startswith(bounds)


_WRITES = frozenset({"w", "append", "delete"})
