"""Objects as plain programs, every order of a small history tried on them, and random small histories.

Slow and obviously right: what the linearizability checker says is held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from harness.build import build_history
from harness.history import UNSEEN, History, Op, RunInfo, Status, Txn

OBJECTS = ("register", "counter", "set", "list", "text", "queue")
INITIAL: dict[str, Any] = {"register": None, "counter": 0, "set": [], "list": [], "text": "", "queue": []}


def perform(name: str, state: Any, op: Op) -> tuple[Any, Any]:
    """(state, value of the operation once it ran) of an operation that is asked of an object in `state`."""
    kind, _, value = op
    if kind == "r":
        return state, state
    if kind in {"w", "delete"}:
        return (INITIAL[name] if kind == "delete" else value), value
    if kind == "cas":
        old, new = value[:2]
        return (new if state == old else state), (old, new, state == old)
    if kind == "incr":
        return state + value[0], (value[0], state + value[0])
    if kind == "append":
        return (state + value if name == "text" else [*state, value]), value
    if kind == "enqueue":
        return [*state, value[0]], value
    return state[1:], (state[0] if state else None)


def fits(name: str, state: Any, op: Op) -> tuple[bool, Any]:
    """(whether the recorded answer is the one that the object gives, its state afterwards)."""
    after, answer = perform(name, state, op)
    kind, _, value = op
    if value is UNSEEN or (kind == "cas" and len(value) == 2) or (kind == "incr" and value[1] is None):
        return True, after
    if kind == "dequeue":
        return (value[1] if value else None) == answer, after
    if name == "set" and kind == "r":
        return sorted(value or []) == sorted(set(answer)), after
    if name in {"list", "counter", "text"} and kind == "r" and value is None:
        return answer == INITIAL[name], after
    return answer == value, after


def orders(name: str, txns: list[Txn], goal: list[Txn]) -> Iterator[list[Txn]]:
    """Every order of all of `goal` and some others of `txns` that keeps real time and that the object explains.

    Only an acknowledged transaction has to come before what began after its end.
    """

    def extend(order: list[Txn], left: list[Txn], state: Any) -> Iterator[list[Txn]]:
        if not any(one in left for one in goal):
            yield order
            return
        for txn in left:
            if any(one.status is Status.OK and one.end < txn.start for one in left if one in goal):
                continue
            right, after = fits(name, state, txn.ops[0])
            if right:
                yield from extend([*order, txn], [one for one in left if one is not txn], after)

    possible = [txn for txn in txns if txn.status is not Status.ABORTED]
    yield from extend([], possible, INITIAL[name])


def is_linearizable(name: str, txns: list[Txn]) -> bool:
    """Whether some order explains every acknowledged transaction."""
    return next(orders(name, txns, acknowledged(txns)), None) is not None


def acknowledged(txns: list[Txn]) -> list[Txn]:
    return [txn for txn in txns if txn.status is Status.OK]


def is_linearization(name: str, txns: list[Txn]) -> bool:
    """Whether these transactions, in this order, keep real time and are explained by the object."""
    state = INITIAL[name]
    for place, txn in enumerate(txns):
        right, state = fits(name, state, txn.ops[0])
        if not right or any(later.status is Status.OK and later.end < txn.start for later in txns[place + 1 :]):
            return False
    return True


def history(name: str, txns: list[Txn]) -> History:
    """A history of these, by a workload that tells what its appends make."""
    workload = "linearizable-set" if name == "set" else "linearizable"
    return build_history(txns, RunInfo(suite="hand", workload=workload, target="hand", level="hand"))


def random_txns(name: str, rng: Random, size: int) -> list[Txn]:
    """A run of the object with overlapping clients, in which some answers are then wrong, lost or given up."""
    unique, wrong, span = rng.random() < 0.6, rng.choice((0.0, 0.15, 0.4)), rng.choice((4, 10, 30))
    moments = sorted(rng.randint(0, span) for _ in range(size))
    state, txns = INITIAL[name], []
    for number, moment in enumerate(moments):
        asked = _ASKED[name](rng, number + 1 if unique else rng.randint(1, 2), state)
        status = rng.choices((Status.OK, Status.UNKNOWN, Status.ABORTED), (0.75, 0.2, 0.05))[0]
        after, answer = perform(name, state, asked)
        if status is not Status.ABORTED and (status is Status.OK or rng.random() < 0.5):
            state = after
        op = _answered(name, rng, asked, answer, wrong, status)
        start, end = moment - rng.randint(0, span // 2), moment + rng.randint(0, span // 2)
        txns.append(Txn(0, number, (op,), status, start, end))
    if name in _TELLING:
        txns.append(Txn(0, size, (_TELLING[name],), Status.UNKNOWN, span + 20, span + 20))
    return list(history(name, txns).txns())


def _answered(name: str, rng: Random, asked: Op, answer: Any, wrong: float, status: Status) -> Op:
    kind, key, value = asked
    lost = status is not Status.OK and rng.random() < 0.7
    if kind == "r":
        if rng.random() < wrong:
            answer = _wrong(name, rng, answer)
        if isinstance(answer, list) and name == "set":
            answer = sorted(answer, key=lambda _: rng.random())
            answer = sorted(set(answer)) if rng.random() < 0.95 else answer
        return Op(kind, key, UNSEEN if lost else answer)
    if kind == "cas":
        replaced = answer[2] != (rng.random() < wrong)
        return Op(kind, key, value if lost else (*value, replaced))
    if kind == "incr":
        blind = lost or rng.random() < 0.3
        return Op(kind, key, (value[0], None if blind else answer[1] + (rng.random() < wrong)))
    if kind == "dequeue":
        if rng.random() < wrong:
            answer = rng.choice((None, rng.randint(1, 6)))
        return Op(kind, key, UNSEEN if lost else None if answer is None else ("task", answer, 1, 0))
    return asked


def _wrong(name: str, rng: Random, answer: Any) -> Any:
    if name in {"register", "counter"}:
        return rng.choice((None, rng.randint(0, 6)))
    if name == "text":
        return rng.choice((answer[:-1], answer[1:], answer + "a"))
    return rng.sample(answer, rng.randint(0, len(answer))) + rng.choice(([], [rng.randint(1, 6)]))


def _ask_register(rng: Random, value: int, state: Any) -> Op:
    old = rng.choice((state, state, rng.randint(1, 3)))
    options = (Op("r", "x"), Op("r", "x"), Op("w", "x", value), Op("cas", "x", (old, value)), Op("delete", "x"))
    return rng.choices(options, (3, 3, 3, 2, 0.3))[0]


def _ask_counter(rng: Random, value: int, state: Any) -> Op:
    options = (Op("r", "x"), Op("incr", "x", (rng.choice((1, 1, 2, -1)), None)), Op("w", "x", value))
    return rng.choices(options, (3, 4, 0.3))[0]


def _ask_list(rng: Random, value: int, state: Any) -> Op:
    return rng.choice((Op("r", "x"), Op("append", "x", value)))


def _ask_text(rng: Random, value: int, state: Any) -> Op:
    return rng.choices((Op("r", "x"), Op("append", "x", str(value)), Op("w", "x", f"{value}.")), (4, 4, 1))[0]


def _ask_queue(rng: Random, value: int, state: Any) -> Op:
    return rng.choices((Op("dequeue", "x"), Op("enqueue", "x", (value, None))), (1, 1))[0]


# Operations that tell what the object is and change nothing: they come after all others, and perhaps never.
_TELLING = {
    "counter": Op("incr", "x", (5, 1000)),
    "set": Op("append", "x", 9),
    "list": Op("append", "x", 9),
    "text": Op("append", "x", "z"),
}
_ASKED: dict[str, Callable[[Random, int, Any], Op]] = {
    "register": _ask_register,
    "counter": _ask_counter,
    "set": _ask_list,
    "list": _ask_list,
    "text": _ask_text,
    "queue": _ask_queue,
}
