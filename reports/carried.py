"""Which operations of a witness carry which edge of its cycle: the marks ①② in the drawing and the tables."""

from __future__ import annotations

from typing import Any

from harness.build import frozen
from harness.history import UNSEEN, History, Op, Txn
from harness.verdict import Anomaly, Step

__all__ = ["Marks", "carried", "circled", "witness_txns"]

Marks = dict[tuple[int, int], tuple[int, ...]]

_READS = frozenset({"r", "scan", "cas", "incr", "dequeue", "traverse"})
_WRITES = frozenset(
    {"w", "append", "delete", "cas", "incr"}
    | {"enqueue", "dequeue", "ack", "nack", "add_node", "add_edge", "delete_node"}
)


def witness_txns(history: History, anomaly: Anomaly) -> dict[int, Txn]:
    """The transactions of a witness by row, in the order of the cycle; rows that do not exist are left out."""
    rows = dict.fromkeys((*anomaly.txns, *(row for step in anomaly.steps for row in (step.before, step.after))))
    return {row: history.txn(row) for row in rows if 0 <= row < len(history)}


def carried(txns: dict[int, Txn], anomaly: Anomaly) -> Marks:
    """(row, place of the operation in its transaction) → the numbers, from 1, of the steps it carries."""
    marks: dict[tuple[int, int], tuple[int, ...]] = {}
    for number, step in enumerate(anomaly.steps, 1):
        if step.kind in {"ww", "wr", "rw"}:
            for row, reads in ((step.before, step.kind == "rw"), (step.after, step.kind == "wr")):
                for place in _places(txns.get(row), step, reads):
                    marks[row, place] = (*marks.get((row, place), ()), number)
    return marks


def circled(numbers: tuple[int, ...]) -> str:
    """①②, and (11) beyond the circles that every font has."""
    return "".join(chr(0x245F + number) if number <= 10 else f"({number})" for number in numbers)


def _places(txn: Txn | None, step: Step, reads: bool) -> list[int]:
    """The operations of `txn` on the step's key; where some of them hold the step's value, only these."""
    if txn is None:
        return []
    touching = [place for place, op in enumerate(txn.ops) if _touches(op, step, reads)]
    exact = [place for place in touching if _holds(txn.ops[place].value, step.value)]
    return exact or touching


def _touches(op: Op, step: Step, reads: bool) -> bool:
    if op.kind not in (_READS if reads else _WRITES):
        return False
    if op.kind == "scan":
        return step.predicate or _same(op.key, step.key) or (isinstance(op.value, dict) and _in(step.key, op.value))
    return _same(op.key, step.key)


def _holds(value: Any, wanted: Any) -> bool:
    if wanted is None or value is UNSEEN:
        return False
    return _same(value, wanted) or (isinstance(value, list) and any(_same(one, wanted) for one in value))


def _in(key: Any, mapping: dict[Any, Any]) -> bool:
    return any(_same(one, key) for one in mapping)


def _same(one: Any, two: Any) -> bool:
    """Equal in content and type: 1, True and "1" are three values."""
    one, two = frozen(one), frozen(two)
    return type(one) is type(two) and bool(one == two)
