"""Verifies witnesses: whether each step of a cycle says what the operations of the history show, and the name fits.

It knows nothing of how a cycle was found. A step `before -> after` holds where

    session    one client ran before first, and its outcome is known
    realtime   before is known to have committed before after began
    wr         after read what before left at the key; of a list, by the names that begin with G, before's is the last
    ww         after's write of the key came later: a list shows both in this order; after's was not there when a
               list with before's was read; after read before's value and then overwrote it; or the sentence says
               that the order is open or follows from others
    rw         before read the key, and what it read is older than what after wrote
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.history import UNSEEN, Status, Txn
from harness.verdict import Anomaly, Step

from .cycles import CLASSES, PHENOMENA, Phenomenon, cycle_class

__all__ = ["broken"]


def broken(anomaly: Anomaly, txns: Sequence[Txn]) -> str:
    """ "" where the witness holds, else what is wrong. `txns` are the history's rows."""
    if not anomaly.steps:
        return (
            "" if anomaly.txns and all(0 <= row < len(txns) for row in anomaly.txns) else "it names no transactions"
        )
    after = [step.after for step in anomaly.steps]
    if [step.before for step in anomaly.steps] != list(anomaly.txns) or after[-1:] + after[:-1] != list(anomaly.txns):
        return "its steps are no cycle of its transactions"
    if len(set(anomaly.txns)) < len(anomaly.txns):
        return "it visits a transaction twice"
    for step in anomaly.steps:
        sees_part = step.kind == "wr" and not anomaly.name.startswith("G") and _sees_part(step, txns)
        if not sees_part and not _HOLDS[step.kind](step, txns):
            return f"step {step.kind} from T{step.before} to T{step.after} at {step.key!r} is not what was seen"
        if not step.sentence:
            return "a step has no sentence"
    return _misnamed(anomaly)


def _misnamed(anomaly: Anomaly) -> str:
    """Whether the class, the kind and the suffix of a cycle's name are those of its steps.

    With an assumed step they may be smaller ones: the name is what holds under every order, the cycle that of one.
    """
    named = next((one for one in PHENOMENA if one.name == anomaly.name), None)
    if named is None:
        return ""  # Named by the level that it contradicts.
    kinds = [{"session": "ww", "realtime": "ww"}.get(step.kind, step.kind) for step in anomaly.steps]
    has = {step.kind for step in anomaly.steps}
    predicate = any(step.predicate for step in anomaly.steps if step.kind == "rw")
    shown = Phenomenon(
        CLASSES.index(cycle_class(kinds)), 2 if "realtime" in has else 1 if "session" in has else 0, int(predicate)
    )
    assumed = any(step.kind == "ww" and step.value is None for step in anomaly.steps)
    return "" if shown.name == named.name or (assumed and shown.below(named)) else f"its steps show {shown.name}"


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
    """Whether of those in the list that were not aborted the last one is this transaction's."""
    writers = [other for element in seen for other, txn in enumerate(txns) if element in _left(txn, key)]
    known = [other for other in writers if txns[other].status != Status.ABORTED]
    return bool(known) and known[-1] == row


def _write_write(step: Step, txns: Sequence[Txn]) -> bool:
    first, second = _left(txns[step.before], step.key), _left(txns[step.after], step.key)
    if not first or not second:
        return False
    return any(_precedes(one, other, step, txns) for one in first for other in second) or _is_assumed(step)


def _precedes(one: Any, other: Any, step: Step, txns: Sequence[Txn]) -> bool:
    lists = [seen for txn in txns if txn.status != Status.ABORTED for seen in _seen(txn, step.key)]
    shown = any(one in seen and other in seen[list(seen).index(one) :] for seen in lists)
    not_yet = any(one in seen for seen in lists) and not any(other in seen for seen in lists)
    return shown or not_yet or _overwrites(txns[step.after], step.key, one)


def _overwrites(txn: Txn, key: Any, value: Any) -> bool:
    """Whether it read the value from others, and wrote the key."""
    return any([value] == list(seen) for seen in _seen(txn, key)) and bool(_left(txn, key))


def _is_assumed(step: Step) -> bool:
    return len(step.sentence) > 40


def _read_write(step: Step, txns: Sequence[Txn]) -> bool:
    """The reader did not see the write; that its version is older is certain of lists, and of what nobody wrote."""
    left = _left(txns[step.after], step.key)
    missed = [step.value] if step.value in left else left
    return any(one not in seen for seen in _seen(txns[step.before], step.key) for one in missed)


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
