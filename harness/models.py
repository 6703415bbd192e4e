"""Data models as operations: what kinds of `harness.history` from `sql` on, and keys of a model, ask a target for.

A key (model, name) of r, w, append and delete is not among the target's plain keys, but

    ("sql", name)       a row of the table that CREATE_CELLS makes: `k` is the name, `v` a text, or a list's elements
    ("cache", name)     an entry, put under an embedding of its own; a read asks for the best match of that embedding
    ("vectors", number) the vector of that id. An id has a direction, and each value of VECTOR_VALUES an angle to it:
                        a read searches for the direction, and the distance of what is found tells the value

So whatever judges keys and values judges these models too. Calls are those of `harness.surface.CALLS`; what an
operation asks for beyond one call (an append reads before it writes) is in the session's transaction or nowhere.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from random import Random
from typing import Any, Final

from harness.history import Op
from harness.surface import Refused
from harness.target import Aborted

__all__ = ["CREATE_CELLS", "VECTOR_DIMENSION", "VECTOR_VALUES", "ModelSteps", "model_of"]

CREATE_CELLS: Final = "CREATE TABLE cells (k TEXT PRIMARY KEY, v TEXT)"
VECTOR_DIMENSION: Final = 32
VECTOR_VALUES: Final = range(1, 5)

Call = Callable[..., Any]
"""call(name, *arguments): a call of CALLS. Raises Refused."""

_TAGS: Final = frozenset({"sql", "cache", "vectors"})
_CACHE: Final = "entries"
_INDEX: Final = "vectors"
_SAME: Final = 0.99  # The cosine from which an embedding is the same: two of ours are never that near.
_ANGLE: Final = 0.1  # Between a direction and the vector of value 1; that of value 2 is twice as far.
_DISTANCE_ERROR: Final = 1e-3
_MODEL_OF_KIND: Final = {
    "sql": "sql",
    **dict.fromkeys(("make_queue", "enqueue", "dequeue", "ack", "nack"), "queue"),
    "make_vectors": "vectors",
    **dict.fromkeys(("add_node", "add_edge", "delete_node", "traverse"), "graph"),
}


def model_of(op: Op) -> str:
    """The data model that an operation belongs to; empty for one on plain keys."""
    if op.kind in _MODEL_OF_KIND:
        return _MODEL_OF_KIND[op.kind]
    key = op.key
    return key[0] if isinstance(key, tuple) and len(key) == 2 and key[0] in _TAGS else ""


class ModelSteps:
    """Performs the operations on data models by a target's calls: one for all sessions of a target.

    Receipts are whatever the target likes, and may differ from run to run. In a history they are numbers in the order
    in which they were first given out.
    """

    def __init__(self) -> None:
        self._receipts: list[Any] = []
        self._numbers: dict[Any, int] = {}
        self._lock = threading.Lock()

    def perform(self, op: Op, call: Call, worker: str) -> Op:
        """The operation completed. `worker` is the name under which this session claims tasks.

        Raises Aborted where a call was refused for a conflict, else what the call raises.
        """
        try:
            if op.kind in _MODEL_OF_KIND:
                return op._replace(value=_BY_KIND[op.kind](self, op, call, worker))
            return op._replace(value=_BY_TAG[op.key[0], op.kind](op.key[1], op.value, call))
        except Refused as refusal:
            if refusal.why == "conflict":
                raise Aborted(str(refusal)) from refusal
            raise

    def _number(self, receipt: Any) -> int:
        with self._lock:
            if receipt not in self._numbers:
                self._numbers[receipt] = len(self._receipts)
                self._receipts.append(receipt)
            return self._numbers[receipt]

    def _sql(self, op: Op, call: Call, worker: str) -> Any:
        return (op.value, call("sql", op.value))

    def _make(self, op: Op, call: Call, worker: str) -> Any:
        call(op.kind, op.key, *(op.value if isinstance(op.value, tuple) else (op.value,)))
        return op.value

    def _enqueue(self, op: Op, call: Call, worker: str) -> Any:
        return (op.value, call("enqueue", op.key, op.value.encode()))

    def _dequeue(self, op: Op, call: Call, worker: str) -> Any:
        claim = call("dequeue", op.key, worker)
        if claim is None:
            return None
        return (claim.task, _text(claim.payload), claim.attempt, self._number(claim.receipt))

    def _give_back(self, op: Op, call: Call, worker: str) -> Any:
        return (op.value, _accepted("stale", lambda: call(op.kind, op.key, self._receipts[op.value])))

    def _add_node(self, op: Op, call: Call, worker: str) -> Any:
        call("add_node", op.key, op.value, {})
        return op.value

    def _delete_node(self, op: Op, call: Call, worker: str) -> Any:
        _accepted("missing", lambda: call("delete_node", op.key, op.value))
        return op.value

    def _add_edge(self, op: Op, call: Call, worker: str) -> Any:
        return (op.value, _accepted("missing", lambda: call("add_edge", op.key, *op.value)))

    def _traverse(self, op: Op, call: Call, worker: str) -> Any:
        start, depth = op.value
        found = _reached(call, op.key, start, depth)
        if found is None and _reached(call, op.key, start, 0) is not None:
            # The start is there, so that something behind it is missing: unless either came or went in between.
            found = _reached(call, op.key, start, depth)
            if found is None and _reached(call, op.key, start, 0) is not None:
                found = ((start,), None)
        return (op.value, found or ((), ()))


def _reached(call: Call, graph: Any, start: Any, depth: int) -> Any:
    """(ids, edges), both sorted; None where a node is missing."""
    try:
        reached = call("traverse", graph, start, depth)
    except Refused as refusal:
        if refusal.why != "missing":
            raise
        return None
    return tuple(sorted(reached.nodes)), tuple(sorted(map(tuple, reached.edges)))


def _accepted(refusal: str, call: Callable[[], Any]) -> bool:
    """Whether the call was not refused for this reason."""
    try:
        call()
    except Refused as error:
        if error.why != refusal:
            raise
        return False
    return True


def _text(payload: Any) -> Any:
    """The payload as the text that it was; what nobody put there stays what it is, for a checker to find."""
    try:
        return payload.decode()
    except (AttributeError, UnicodeDecodeError):
        return payload


# SQL: a list is stored as its elements, each behind a space; no other text begins with one.


def _select(name: str, value: Any, call: Call) -> Any:
    rows = call("sql", f"SELECT v FROM cells WHERE k = {_quoted(name)}")
    found = [_cell(row["v"]) for row in rows]
    return None if not found else found[0] if len(found) == 1 else tuple(found)


def _cell(stored: Any) -> Any:
    if not isinstance(stored, str) or not stored.startswith(" "):
        return stored
    return [int(one) if one.lstrip("-").isdecimal() else one for one in stored.split()]


def _store(name: str, value: Any, call: Call) -> Any:
    """UPDATE where there is a row, else INSERT: no dialect of "insert or update" is understood everywhere."""
    text = _quoted("".join(f" {one}" for one in value) if isinstance(value, list) else value)
    if call("sql", f"SELECT v FROM cells WHERE k = {_quoted(name)}"):
        call("sql", f"UPDATE cells SET v = {text} WHERE k = {_quoted(name)}")
    else:
        call("sql", f"INSERT INTO cells (k, v) VALUES ({_quoted(name)}, {text})")
    return value


def _append(name: str, element: Any, call: Call) -> Any:
    _store(name, [*(_select(name, None, call) or ()), element], call)
    return element


def _delete_row(name: str, value: Any, call: Call) -> None:
    call("sql", f"DELETE FROM cells WHERE k = {_quoted(name)}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# Caches and vectors.


def _direction(name: object) -> list[float]:
    """A vector of length 1 that belongs to this name and to no other one."""
    rng = Random(f"direction {name}")
    parts = [rng.gauss(0, 1) for _ in range(VECTOR_DIMENSION)]
    length = sum(part * part for part in parts) ** 0.5
    return [part / length for part in parts]


def _cache_put(name: str, value: Any, call: Call) -> Any:
    call("cache_put", _CACHE, name, value, _direction(name), 0)
    return value


def _cache_get(name: str, value: Any, call: Call) -> Any:
    return call("cache_get", _CACHE, _direction(name), _SAME)


def _cache_delete(name: str, value: Any, call: Call) -> None:
    call("cache_delete", _CACHE, name)


def _put_vector(number: int, value: Any, call: Call) -> Any:
    import numpy as np

    if value not in VECTOR_VALUES:
        raise ValueError(
            f"the value of a vector is between {VECTOR_VALUES[0]} and {VECTOR_VALUES[-1]}, not {value!r}"
        )
    ahead, aside = np.array(_direction(number)), np.array(_direction(("aside", number)))
    aside -= ahead * (ahead @ aside)
    vector = ahead * math.cos(_ANGLE * value) + aside * (math.sin(_ANGLE * value) / math.sqrt(aside @ aside))
    call("put_vectors", _INDEX, [number], np.array([vector], dtype=np.float32))
    return value


def _search_vector(number: int, value: Any, call: Call) -> Any:
    import numpy as np

    nearest = call("search_vectors", _INDEX, np.array(_direction(number), dtype=np.float32), 1)
    return _value_at(nearest[0][1]) if nearest and nearest[0][0] == number else None


def _value_at(distance: float) -> Any:
    """The value at this distance, which may be cosine, Euclidean, or its square: no two values have one in common.

    A distance that is none of theirs is the answer itself, for a checker to find.
    """
    for value in VECTOR_VALUES:
        chord = 2 * math.sin(_ANGLE * value / 2)
        if any(abs(distance - far) < _DISTANCE_ERROR for far in (1 - math.cos(_ANGLE * value), chord, chord**2)):
            return value
    return float(distance)


_BY_KIND: Final[dict[str, Callable[[ModelSteps, Op, Call, str], Any]]] = {
    "sql": ModelSteps._sql,
    "make_queue": ModelSteps._make,
    "enqueue": ModelSteps._enqueue,
    "dequeue": ModelSteps._dequeue,
    "ack": ModelSteps._give_back,
    "nack": ModelSteps._give_back,
    "make_vectors": ModelSteps._make,
    "add_node": ModelSteps._add_node,
    "add_edge": ModelSteps._add_edge,
    "delete_node": ModelSteps._delete_node,
    "traverse": ModelSteps._traverse,
}
_BY_TAG: Final[dict[tuple[str, str], Callable[[Any, Any, Call], Any]]] = {
    ("sql", "r"): _select,
    ("sql", "w"): _store,
    ("sql", "append"): _append,
    ("sql", "delete"): _delete_row,
    ("cache", "r"): _cache_get,
    ("cache", "w"): _cache_put,
    ("cache", "delete"): _cache_delete,
    ("vectors", "r"): _search_vector,
    ("vectors", "w"): _put_vector,
}
