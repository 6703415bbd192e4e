"""What a call did, in words, from the operation as the history has it; and what an object is like in some state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from checkers.findings import shown
from checkers.linearizability.models import Call, Other
from harness.history import UNSEEN, History, Op

__all__ = ["did", "state_shown"]

_LIST_SHOWN: Final = 12


def did(history: History, key: Any, call: Call, elements: Sequence[Any] = ()) -> str:
    """The operation of a call in the past tense. Of a long list that was read, which of `elements` it held."""
    first, last = history.op_offset[call.row : call.row + 2].tolist()
    op = next(op for op in map(history.op, range(first, last)) if op.key == key)
    if op.kind == "r" and isinstance(op.value, list) and len(op.value) > _LIST_SHOWN:
        held = [state_shown(one) for one in elements or call.result if one in call.result][:_LIST_SHOWN]
        lacked = [state_shown(one) for one in elements if one not in call.result][:_LIST_SHOWN]
        parts = [f"{how} {' and '.join(those)}" for how, those in (("with", held), ("without", lacked)) if those]
        return f"read {len(op.value)} elements, {' but '.join(parts)}"
    return _SAID[op.kind](op)


def _text(value: Any) -> str:
    return "an empty text" if value == "" else shown(value)


def _cas(op: Op) -> str:
    old, new, *answer = op.value
    if answer == [False]:
        return f"found that it was not {shown(old)}"
    return f"{'replaced' if answer == [True] else 'tried to replace'} {shown(old)} by {shown(new)}"


def _incr(op: Op) -> str:
    added, number = op.value
    return f"added {shown(added)}" if number in {None, UNSEEN} else f"added {shown(added)} and got {shown(number)}"


def _dequeue(op: Op) -> str:
    if op.value is UNSEEN:
        return "took out what is not known"
    return "found it empty" if op.value is None else f"took out {shown(op.value[1])}"


_SAID: Final = {
    "r": lambda op: f"read {_text(op.value)}",
    "w": lambda op: f"wrote {_text(op.value)}",
    "delete": lambda op: "deleted it",
    "cas": _cas,
    "incr": _incr,
    "append": lambda op: f"appended {shown(op.value)}",
    "enqueue": lambda op: f"put in {shown(op.value[0])}",
    "dequeue": _dequeue,
}


def state_shown(state: Any) -> str:
    """A state of a model, or the part of one that a read saw."""
    if isinstance(state, frozenset):
        return shown(sorted(map(_plain, state), key=repr))
    if isinstance(state, tuple) and not isinstance(state, Other):
        return shown([_plain(one) for one in state])
    return _text(_plain(state))


def _plain(value: Any) -> Any:
    return value.text if isinstance(value, Other) else value
