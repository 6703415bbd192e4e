"""From a history to the calls on each of its objects.

An object is a key. What it is follows from the operations on it, and where that leaves a choice, from the workload:
appends make a text where a text was read or written, else a set where the workload's name says set, else a list.
Linearizability is local (Herlihy & Wing 1990): a history is linearizable if and only if each of its objects is.

A transaction is a call if it has one operation. Whatever else touches an object is no evidence of it: the object is
left out, and a doubt says so. Aborted transactions had no effect; what only observes and has no answer says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from checkers.findings import shown
from checkers.linearizability.models import FOREVER, MODELS, Call, Model, observes
from harness.history import KIND_CODE, KINDS, SCALAR, UNSEEN, UNSEEN_LENGTH, History, Status
from harness.level import Level
from harness.verdict import Doubt

__all__ = ["LINEARIZABLE", "Object", "objects_of"]

LINEARIZABLE: Final = Level("linearizable")

_SETUP_KINDS: Final = frozenset({"make_queue", "make_vectors", "ack"})
_HOUR_S: Final = 3600.0  # A claim that lasts as long ends with no run of ours.


class Object(NamedTuple):
    """One object: its key, what it is, and its calls in the order of their starts."""

    key: Any
    model: Model
    calls: list[Call]


class _Use(NamedTuple):
    """One operation on a key that may have had an effect or an answer; `end` is FOREVER where it is not known."""

    row: int
    start: int
    end: int
    kind: str
    value: Any


@dataclass
class _Uses:
    """What was done to one key. `spoiled` says why it cannot be judged."""

    uses: list[_Use] = field(default_factory=list)
    spoiled: str = ""


def objects_of(history: History) -> tuple[list[Object], list[Doubt]]:
    """The objects that can be judged, in the order of their keys' first use, and doubts about the others."""
    by_key: dict[int, _Uses] = defaultdict(_Uses)
    for key, use, why_not in _uses(history):
        uses = by_key[key]
        uses.uses.append(use)
        uses.spoiled = uses.spoiled or why_not
    objects: list[Object] = []
    spoiled: list[str] = []
    for number, uses in by_key.items():
        key = history.keys[number]
        model = _model(uses.uses, history)
        calls, why_not = _calls(uses.uses, model)
        if why_not := uses.spoiled or why_not:
            spoiled.append(f"{shown(key)} was left out: {why_not}")
        elif calls:
            objects.append(Object(key, model, calls))
    if not spoiled:
        return objects, []
    others = f", and {len(spoiled) - 1} more like it" if len(spoiled) > 1 else ""
    return objects, [Doubt("evidence", spoiled[0] + others, levels=(LINEARIZABLE,))]


def _uses(history: History) -> Iterator[tuple[int, _Use, str]]:
    """(key, use, why it spoils the key) of every operation of transactions that were not surely aborted."""
    offset = history.op_offset.tolist()
    start = history.start.tolist()
    end = np.where(history.status == Status.OK, history.end, FOREVER).tolist()
    possible = (history.status != Status.ABORTED).tolist()
    kinds, keys = [KINDS[code].name for code in history.op_kind.tolist()], history.op_key.tolist()
    value = _Values(history)
    initial = _initial_rows(history)
    for row, (first, last) in enumerate(pairwise(offset)):
        if not possible[row]:
            continue
        several = f"T{row} has {last - first} operations" if last - first > 1 and row >= initial else ""
        for op in range(first, last):
            yield keys[op], _Use(row, start[row], end[row], kinds[op], value(op)), several


def _initial_rows(history: History) -> int:
    """How many rows at the beginning each write several keys once, before anything else began.

    Such a transaction sets up the objects: on each of them it is a call like any other.
    """
    bad = history.status != Status.OK
    bad[:-1] |= history.end[:-1] >= history.start[1:]
    others = np.flatnonzero(history.op_kind != KIND_CODE["w"])
    bad[np.searchsorted(history.op_offset, others, "right") - 1] = True
    rows = int(np.append(bad, True).argmax())
    for row in np.flatnonzero(np.diff(history.op_offset)[:rows] > 1).tolist():
        keys = history.op_key[history.op_offset[row] : history.op_offset[row + 1]]
        if len(np.unique(keys)) < len(keys):
            return row
    return rows


class _Values:
    """The values of operations by their numbers, a list that was read as a list."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._number = history.op_value.tolist()
        self._length = history.op_length.tolist()
        self._elements = history.elements.tolist()

    def __call__(self, op: int) -> Any:
        number, length = self._number[op], self._length[op]
        if length == SCALAR:
            return self._history.values[number]
        if length == UNSEEN_LENGTH:
            return UNSEEN
        return [self._history.values[one] for one in self._elements[number : number + length]]


def _model(uses: list[_Use], history: History) -> Model:
    """What the object is. One that is only read is what others of the history are."""
    kinds = {use.kind for use in uses}
    reads = {type(use.value) for use in uses if use.kind == "r"}
    if kinds == {"r"}:
        kinds |= {KINDS[code].name for code in np.unique(history.op_kind).tolist()}
    if kinds & {"enqueue", "dequeue", "make_queue"}:
        return MODELS["queue"]
    if "incr" in kinds:
        return MODELS["counter"]
    if list not in reads and "append" not in kinds:
        return MODELS["register"]
    if str in reads or kinds & {"w", "delete"}:
        return MODELS["text"]
    return MODELS["set" if "set" in history.info.workload.split("-") else "list"]


def _calls(uses: list[_Use], model: Model) -> tuple[list[Call], str]:
    """The calls, or why they cannot be told."""
    calls = []
    for row, start, end, kind, value in uses:
        if kind in _SETUP_KINDS and kind not in model.forms:
            if kind == "make_queue" and not _claims_last(value):
                return [], f"claims that T{row} lets run out come back, which is not judged"
            continue
        form = model.forms.get(kind)
        if form is None:
            return [], f"T{row} does {kind} on it, which is no operation of a {model.name}"
        try:
            call = Call(row, start, end, *form(value), end != FOREVER)
        except (TypeError, ValueError):
            return [], f"the {kind} of T{row} has not the form that a {model.name} needs"
        if not observes(call) or (call.required and call.result is not UNSEEN):
            calls.append(call)
    return calls, ""


def _claims_last(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], int | float) and value[0] >= _HOUR_S
