"""What an object is: a table of pure step functions, and how an operation of a history becomes a call.

A step takes a state and a call and returns the state after it, or `REJECTED` where the call's answer could not have
been given in that state. States are hashable values. An answer that is not known, `UNSEEN`, fits every state.

    register   r, w, delete and cas; nothing is stored at first. A lock is a register: to acquire it is
               cas (nothing, owner), to release it cas (owner, nothing), and a refused try is a failed cas
    counter    a register of whole numbers with incr, 0 at first
    set        append adds an element, a read returns all of them in any order
    list       append adds at the end, a read returns all in order
    text       append lengthens a text, w replaces it, a read returns it; empty at first
    queue      first in, first out: enqueue, and dequeue of the oldest or of `EMPTY`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from harness.history import UNSEEN

__all__ = ["EMPTY", "FOREVER", "MODELS", "REJECTED", "Call", "Model", "Other", "Step", "exact", "observes"]

FOREVER: Final = 2**63 - 1
_NUMBERS_MAX: Final = 1_000  # More are too many for whoever asks.
EMPTY: Final = ()  # What a dequeue answers that found nothing; no exact value is equal to it.


class _Rejected:
    def __repr__(self) -> str:
        return "rejected"


REJECTED: Final = _Rejected()


class Other(NamedTuple):
    """What stands for a value that is neither a whole number nor a string."""

    type: str
    text: str


class Call(NamedTuple):
    """One operation on one object. It takes effect at one moment of the closed interval [start, end].

    A call that is not `required` may also never take effect, and its `end` is FOREVER. `kind`, `argument` and
    `result` are as its model's step understands them. Two calls with `end` < `start` keep that order; calls that
    touch at one moment are concurrent.
    """

    row: int
    start: int
    end: int
    kind: str
    argument: Any
    result: Any
    required: bool = True


Step = Callable[[Any, Call], Any]
Form = Callable[[Any], tuple[str, Any, Any]]
"""From the value of an operation to (kind, argument, result) of a call; raises ValueError for what it cannot be."""


class Model(NamedTuple):
    """One row: the state at first, the step, and how operations of each kind become calls.

    `grows(state, seen)`, where states only grow but for w, which sets one anew: whether `state` can still become the
    one that a read saw. `states(calls)`: where these calls may begin, one state for all that allow them no more;
    empty where that cannot be told.
    """

    name: str
    initial: Any
    step: Step
    forms: dict[str, Form]
    grows: Callable[[Any, Any], bool] | None = None
    states: Callable[[Iterable[Call]], list[Any]] | None = None


def exact(value: Any) -> Any:
    """A hashable stand-in that is equal only to that of the same value of the same type: 1, True and 1.0 differ."""
    kind = type(value)
    return value if value is None or kind is int or kind is str else Other(kind.__name__, repr(value))


def observes(call: Call) -> bool:
    """Whether the call leaves every state as it is in which it can be made."""
    if call.kind == "cas":
        return call.result is False or call.argument[0] == call.argument[1]
    return call.kind == "r" or (call.kind == "dequeue" and call.result == EMPTY)


# Steps


def _register(state: Any, call: Call) -> Any:
    kind = call.kind
    if kind == "r":
        return state if call.result == state else REJECTED
    if kind == "w":
        return call.argument
    old, new = call.argument
    if call.result is UNSEEN:
        return new if state == old else state
    if call.result:
        return new if state == old else REJECTED
    return REJECTED if state == old else state


def _seen_values(calls: Iterable[Call]) -> list[Any]:
    """The values that these calls can tell from others, and one that they cannot."""
    seen = [call.result if call.kind == "r" else call.argument[0] for call in calls if call.kind in {"r", "cas"}]
    return [*dict.fromkeys(seen), Other("", "another value")]


def _seen_numbers(calls: Iterable[Call]) -> list[Any]:
    """The numbers from which the calls can come to one that they see, and one from which they cannot."""
    calls = list(calls)
    increments = [call for call in calls if call.kind == "incr"]
    seen = [call.result - call.argument for call in increments if call.result is not UNSEEN]
    seen += [call.result if call.kind == "r" else call.argument[0] for call in calls if call.kind in {"r", "cas"}]
    added = [call.argument for call in increments]
    if not seen or not all(type(number) is int for number in (*seen, *added)):
        return []
    lowest = min(seen) - sum(number for number in added if number > 0)
    highest = max(seen) - sum(number for number in added if number < 0)
    return list(range(lowest, min(highest, lowest + _NUMBERS_MAX) + 2))


def _counter(state: Any, call: Call) -> Any:
    if call.kind != "incr":
        return _register(state, call)
    number = state + call.argument
    return number if call.result is UNSEEN or call.result == number else REJECTED


def _set(state: frozenset[Any], call: Call) -> Any:
    if call.kind == "r":
        return state if call.result == state else REJECTED
    return state | {call.argument}


def _list(state: tuple[Any, ...], call: Call) -> Any:
    if call.kind == "r":
        return state if call.result == state else REJECTED
    return (*state, call.argument)


def _text(state: str, call: Call) -> Any:
    if call.kind == "r":
        return state if call.result == state else REJECTED
    return call.argument if call.kind == "w" else state + call.argument


def _queue(state: tuple[Any, ...], call: Call) -> Any:
    if call.kind == "enqueue":
        return (*state, call.argument)
    if call.result is UNSEEN:
        return state[1:]
    if call.result == EMPTY:
        return REJECTED if state else state
    return state[1:] if state and state[0] == call.result else REJECTED


# Forms


def _is(value: Any, *kinds: type) -> Any:
    if type(value) not in kinds:
        raise ValueError
    return value


def _seen(value: Any, form: Callable[[Any], Any]) -> Any:
    """The answer in its form, or UNSEEN."""
    return UNSEEN if value is UNSEEN else form(value)


def _given(value: Any, form: Callable[[Any], Any]) -> Any:
    if value is UNSEEN:
        raise ValueError
    return form(value)


def _cas(form: Callable[[Any], Any]) -> Form:
    def cas(value: Any) -> tuple[str, Any, Any]:
        old, new, *answer = _is(value, tuple)
        replaced = UNSEEN if answer in ([], [None]) else _is(answer[0], bool)
        return "cas", (form(old), form(new)), replaced

    return cas


def _cell(seen: Callable[[Any], Any], given: Callable[[Any], Any]) -> dict[str, Form]:
    """The forms of whatever stores one value, nothing being one of them."""
    return {
        "r": lambda value: ("r", None, _seen(value, seen)),
        "w": lambda value: ("w", _given(value, given), None),
        "delete": lambda _: ("w", given(None), None),
        "cas": _cas(given),
    }


def _number(value: Any) -> Any:
    return 0 if value is None else _is(value, int, float)


def _whole(value: Any) -> Any:
    """What is given to a counter: what fractions add up to, 0.3 or 0.1 + 0.2, is the database's affair."""
    return 0 if value is None else _is(value, int)


def _incr(value: Any) -> tuple[str, Any, Any]:
    added, number = _is(value, tuple)
    return "incr", _is(added, int), UNSEEN if number is None else _is(number, int, float)


def _string(value: Any) -> Any:
    return "" if value is None else _is(value, str)


def _elements(value: Any) -> tuple[Any, ...]:
    return () if value is None else tuple(exact(one) for one in _is(value, list))


def _members(value: Any) -> Any:
    """A set; a list with an element twice is none, and stays what no state is equal to."""
    elements = _elements(value)
    members = frozenset(elements)
    return members if len(members) == len(elements) else elements


def _lists(form: Callable[[Any], Any]) -> dict[str, Form]:
    return {
        "r": lambda value: ("r", None, _seen(value, form)),
        "append": lambda value: ("append", _given(value, exact), None),
    }


def _enqueue(value: Any) -> tuple[str, Any, Any]:
    payload, _ = _is(value, tuple)
    return "enqueue", exact(payload), None


def _dequeue(value: Any) -> tuple[str, Any, Any]:
    if value is UNSEEN or value is None:
        return "dequeue", None, UNSEEN if value is UNSEEN else EMPTY
    _, payload, attempt, _ = _is(value, tuple)
    if attempt not in {None, 1}:
        raise ValueError
    return "dequeue", None, exact(payload)


_TEXT_FORMS: Final[dict[str, Form]] = {
    "r": lambda value: ("r", None, _seen(value, _string)),
    "w": lambda value: ("w", _given(value, _string), None),
    "delete": lambda _: ("w", "", None),
    "append": lambda value: ("append", _given(value, _string), None),
}

MODELS: Final[dict[str, Model]] = {
    model.name: model
    for model in (
        Model("register", None, _register, _cell(exact, exact), states=_seen_values),
        Model("counter", 0, _counter, {**_cell(_number, _whole), "incr": _incr}, states=_seen_numbers),
        Model("set", frozenset(), _set, _lists(_members), lambda state, seen: state <= frozenset(seen)),
        Model("list", (), _list, _lists(_elements), lambda state, seen: seen[: len(state)] == state),
        Model("text", "", _text, _TEXT_FORMS, lambda state, seen: seen.startswith(state)),
        Model("queue", (), _queue, {"enqueue": _enqueue, "dequeue": _dequeue}),
    )
}
