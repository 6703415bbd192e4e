"""A queue by brute force: is there an order of transactions, real time kept, in which a queue would answer so?"""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

from harness.history import UNSEEN, Op, Status, Txn

# A task is (payload, state), the state being "ready", "done", or the receipt of the claim that holds it.
_Tasks = tuple[tuple[str, Any], ...]


def explained(rows: list[Txn], visibility_s: float) -> bool:
    """Whether some order of the acknowledged transactions, with any of the unknown ones, explains every answer."""
    ends_at_once = visibility_s < 1
    txns = sorted((one for one in rows if one.status is not Status.ABORTED), key=lambda one: one.start)
    known = frozenset(i for i, one in enumerate(txns) if one.status is Status.OK)

    @cache
    def search(left: frozenset[int], tasks: frozenset[_Tasks]) -> bool:
        if not left & known:
            return True
        # Whoever began after an acknowledged one had ended comes after it.
        bound = min((txns[i].end for i in left & known), default=0)
        for i in left:
            if txns[i].start > bound:
                continue
            after = {state for start in tasks for state in _outcomes(txns[i], start, ends_at_once)}
            if after and search(left - {i}, frozenset(after)):
                return True
        return False

    return search(frozenset(range(len(txns))), frozenset({()}))


def _outcomes(txn: Txn, tasks: _Tasks, ends_at_once: bool) -> set[_Tasks]:
    """The queues that can be there after a transaction, none where it cannot have seen what it saw."""
    queues = {tasks}
    for op in txn.ops:
        queues = {after for before in queues for after in _after(op, dict(before), ends_at_once)}
    return queues


def _after(op: Op, tasks: dict[str, Any], ends_at_once: bool) -> list[_Tasks]:
    free = _free(tasks, ends_at_once)
    if op.kind == "make_queue":
        return [_kept(tasks)]
    if op.kind == "enqueue":
        return [_kept(tasks | {op.value[0]: "ready"})]
    if op.kind == "dequeue":
        if op.value is UNSEEN:
            return [_kept(tasks), *(_kept(tasks | {task: "somebody"}) for task in free)]
        if op.value is None:
            return [] if free else [_kept(tasks)]
        return [_kept(tasks | {op.value[1]: op.value[3]})] if op.value[1] in free else []
    receipt, accepted = op.value
    held = [task for task, state in tasks.items() if state == receipt]
    if accepted is False or not held:
        return [_kept(tasks)] if accepted is not True and not held else []
    return [_kept(tasks | {held[0]: "done" if op.kind == "ack" else "ready"})]


def _free(tasks: dict[str, Any], ends_at_once: bool) -> list[str]:
    return [
        task
        for task, state in tasks.items()
        if state == "ready" or (ends_at_once and state not in {"done", "nowhere"})
    ]


def _kept(tasks: dict[str, Any]) -> _Tasks:
    return tuple(sorted(tasks.items(), key=lambda item: item[0]))


def small_histories(rng: Random, visibility_s: float) -> list[Txn]:
    """A few transactions on a true queue, each at a moment within its interval, and a last look; half distorted."""
    tasks: dict[str, Any] = {}
    receipts: list[int] = []
    rows = [Txn(0, 9, (Op("make_queue", "q", (visibility_s, 1_000_000)),), Status.OK, -99, -98)]
    for number in range(rng.randint(3, 7)):
        before = dict(tasks)
        ops = tuple(_op(rng, tasks, receipts, visibility_s < 1) for _ in range(rng.randint(1, 2)))
        status = rng.choice([Status.OK, Status.OK, Status.OK, Status.OK, Status.UNKNOWN, Status.ABORTED])
        if status is Status.ABORTED or (status is Status.UNKNOWN and rng.random() < 0.5):
            # What was put in is known by name afterwards, and is nowhere.
            tasks.update({task: before.get(task, "nowhere") for task in tasks})
        if status is Status.UNKNOWN and rng.random() < 0.5:
            ops = (*ops[:-1], _unanswered(ops[-1]))
        rows.append(Txn(0, number, ops, status, 10 * number - rng.randint(0, 12), 10 * number + rng.randint(0, 12)))
    if rng.random() < 0.5:
        rows.append(Txn(0, 8, (Op("dequeue", "q", None),), Status.OK, 90, 91))
    if rng.random() < 0.5:
        place = rng.randrange(1, len(rows))
        rows[place] = rows[place]._replace(ops=tuple(_distorted(rng, op) for op in rows[place].ops))
    return rows


def _op(rng: Random, tasks: dict[str, Any], receipts: list[int], ends_at_once: bool) -> Op:
    """One operation on the queue, and what it leaves behind."""
    kind = rng.choice(["enqueue", "dequeue", "dequeue", "ack", "nack"])
    if kind == "enqueue" or (kind in {"ack", "nack"} and not receipts):
        payload = f"task{len(tasks)}"
        tasks[payload] = "ready"
        return Op("enqueue", "q", (payload, len(tasks)))
    if kind == "dequeue":
        free = _free(tasks, ends_at_once)
        if not free:
            return Op("dequeue", "q", None)
        task = rng.choice(free)
        receipt = len(receipts)
        receipts.append(receipt)
        tasks[task] = receipt
        return Op("dequeue", "q", (list(tasks).index(task) + 1, task, 1, receipt))
    receipt = rng.choice(receipts)
    held = [task for task, state in tasks.items() if state == receipt]
    if held:
        tasks[held[0]] = "done" if kind == "ack" else "ready"
    return Op(kind, "q", (receipt, bool(held)))


def _unanswered(op: Op) -> Op:
    return op._replace(value=UNSEEN if op.kind == "dequeue" else (op.value[0], None))


def _distorted(rng: Random, op: Op) -> Op:
    """The same operation with another answer."""
    if op.kind == "dequeue":
        if rng.random() < 0.3:
            return Op("dequeue", "q", None)
        number = rng.randrange(3)
        return Op("dequeue", "q", (number + 1, f"task{number}", 1, 100 + number))
    return Op(op.kind, "q", (op.value[0], not op.value[1])) if op.kind in {"ack", "nack"} else op
