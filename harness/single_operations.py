"""Jepsen's histories of single operations on one object, as transactions of one micro-operation each.

    register   :read → v, :write v, :cas [old new]; with independent keys [k v] and [k [old new]]
    lock       :acquire, :release
    queue      :enqueue v, :dequeue → v, :drain → [v …], which ends where nothing is left
    set        :add v, :read → the elements
    counter    :add n, :read → the number

Which of them a history is, its operations say. A set for the set checker is a register for each element, 1 where it
is there; for any other workload it is one object with appends. A dequeue takes its element for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from harness.build import frozen
from harness.events import UNSEEN_MARK, Event, HistoryFormatError, Regular
from harness.history_file import HistoryText

__all__ = ["Shape", "shape_of", "transactions_of"]

_OBJECTS: Final[dict[str, frozenset[str]]] = {
    "register": frozenset({"read", "write", "cas"}),
    "lock": frozenset({"acquire", "release"}),
    "queue": frozenset({"enqueue", "dequeue", "drain"}),
    "set or counter": frozenset({"add", "read"}),
    "bank": frozenset({"transfer", "read"}),
}
_WORKLOADS: Final = {
    "register": "linearizable-register",
    "lock": "linearizable-lock",
    "queue": "queue",
    "set": "set",
    "counter": "linearizable-counter",
}
_ANSWERED: Final = frozenset({"read", "dequeue", "drain", "acquire", "release"})
_FOREVER_S: Final = 1e9
_OPERATIONS_MAX: Final = 20_000_000
_SET: Final = "set"  # The workload whose checker knows elements one by one.


class Shape(NamedTuple):
    """What a history is of: a key of `_WORKLOADS`, its workload, and whether a key stands before each value."""

    object: str
    workload: str
    independent: bool = False

    @property
    def lists(self) -> bool:
        """Whether what is read are lists of appended elements."""
        return self.object == "set" and self.workload != _SET


def shape_of(file: HistoryText, events: Iterable[Event | Regular], workload: str | None) -> Shape | None:
    """What the operations of a file are of; None where they are nothing that this module knows.

    `workload` is what the caller says it is. Raises HistoryFormatError where that is needed, or where the operations
    do not say what they did.
    """
    functions, reads, paired = set[str](), set[str](), True
    for event in events:
        if isinstance(event, Regular) or event.f is None or type(event.process) is not int:
            continue
        functions.add(event.f)
        if event.f == "read" and event.type == "ok" and event.value is not None:
            reads.add("set" if isinstance(event.value, list | tuple | frozenset) else "counter")
        paired = paired and (event.type not in {"invoke", "ok"} or _is_paired(event))
    found = next((one for one, known in _OBJECTS.items() if functions and functions <= known), None)
    if found is None or functions == {"read"}:
        return None
    if found == "bank":
        sentence = "transfers do not say what they left in the accounts; record each as reads and writes, or name"
        raise HistoryFormatError(f"{file.name}: {sentence} with -w what else the history is of")
    if found == "set or counter":
        words = set((workload or "").split("-")) & {"set", "counter"}
        told = words or reads
        if len(told) != 1:
            raise HistoryFormatError(
                f"{file.name}: its reads do not say whether it is a set or a counter; say it with -w"
            )
        (found,) = told
    return Shape(found, workload or _WORKLOADS[found], found == "register" and paired)


def _is_paired(event: Event) -> bool:
    """Whether a value can be a key and its own value; of a read that was asked, both are told apart by nil."""
    value = event.value
    if type(value) is not list or len(value) != 2:
        return False
    return (event.f != "cas" or type(value[1]) is list) and (
        event.type != "invoke" or event.f != "read" or value[1] is None
    )


def transactions_of(file: HistoryText, events: Iterable[Event | Regular], shape: Shape) -> Iterator[Event]:
    """The operations as transactions. Raises HistoryFormatError."""
    made = _Made(file, shape)
    translate: Callable[[Event], list[list[Any]]] = getattr(made, shape.object)
    known = _OBJECTS["set or counter" if shape.object in {"set", "counter"} else shape.object]
    begun = shape.object != "queue"
    for event in events:
        if isinstance(event, Regular):
            continue
        if type(event.process) is not int or event.f not in known:
            yield event
            continue
        if not begun:
            begun = True
            yield event._replace(type="ok", f="txn", value=[["make_queue", "queue", [_FOREVER_S, 1]]], error="")
        # Of what was asked, only the invocation tells where the completion does not.
        told = event.value is not None or event.type == "invoke" or event.f in _ANSWERED
        yield event._replace(f="txn", value=translate(event) if told else None)


class _Made:
    """Makes micro-operations of single operations, one method for each object."""

    def __init__(self, file: HistoryText, shape: Shape) -> None:
        self._file = file
        self._shape = shape
        self._elements: dict[Any, Any] = {}  # Of a set, by their frozen form: what was added so far.
        self._receipt = 0
        self._operations = 0

    def register(self, event: Event) -> list[list[Any]]:
        """A read, a write or a compare-and-set."""
        key: Any = "register"
        value = event.value
        if self._shape.independent:
            if type(value) is not list or len(value) != 2:
                return []
            key, value = value
        if event.f == "read":
            return [["r", key, value]]
        if event.f == "write":
            return [["w", key, value]]
        if type(value) is not list or len(value) != 2:
            return []
        return [["cas", key, [*value, True] if event.type == "ok" else value]]

    def lock(self, event: Event) -> list[list[Any]]:
        """A lock is a register: nothing, or held."""
        states = [None, "held"] if event.f == "acquire" else ["held", None]
        return [["cas", "lock", [*states, True] if event.type == "ok" else states]]

    def queue(self, event: Event) -> list[list[Any]]:
        """An element is its own task."""
        value = event.value
        if event.f == "enqueue":
            return [["enqueue", "queue", _joined(event, value)]]
        if event.f == "drain" and event.type == "info":
            raise self._file.error(
                "nobody knows what a drain took; a history with such a one cannot be judged", event.at
            )
        if event.type != "ok" or value is None:
            return [["dequeue", "queue", None, UNSEEN_MARK]] if event.f == "dequeue" else []
        if event.f == "dequeue":
            return [self._claim(value)]
        drained = list(value) if isinstance(value, list | tuple | frozenset) else [value]
        return [*map(self._claim, drained), ["dequeue", "queue", None]]

    def _claim(self, value: Any) -> list[Any]:
        self._receipt += 1
        return ["dequeue", "queue", [value, value, 1, self._receipt]]

    def counter(self, event: Event) -> list[list[Any]]:
        """What an increment made of the number is not told."""
        if event.f == "read":
            return [["r", "counter", event.value]]
        return [["incr", "counter", _joined(event, None)]]

    def set(self, event: Event) -> list[list[Any]]:
        """An append, or the write of the element's register; a read of all that can be there."""
        value = event.value
        if event.f == "add":
            self._elements.setdefault(repr(frozen(value)), value)
            return [["append", "set", value] if self._shape.lists else ["w", value, 1]]
        if event.type != "ok" or not isinstance(value, list | tuple | frozenset):
            return [["r", "set", None]] if self._shape.lists else []
        seen = list(value) if isinstance(value, list | tuple) else sorted(value, key=repr)
        return [["r", "set", seen]] if self._shape.lists else self._registers(event, seen)

    def _registers(self, event: Event, seen: list[Any]) -> list[list[Any]]:
        counts: dict[str, int] = {}
        for one in seen:
            place = repr(frozen(one))
            self._elements.setdefault(place, one)
            counts[place] = counts.get(place, 0) + 1
        self._operations += len(self._elements)
        if self._operations > _OPERATIONS_MAX:
            sentence = f"its reads of a set ask for more than {_OPERATIONS_MAX:,} elements"
            raise self._file.error(f"{sentence}; judge it as one object with -w linearizable-set", event.at)
        # An element that is there twice reads as a value that nobody wrote.
        return [["r", element, counts.get(place)] for place, element in self._elements.items()]


def _joined(event: Event, answer: Any) -> Any:
    """The value of an operation whose answer joins what was asked."""
    if event.type == "invoke":
        return event.value
    return [event.value, answer if event.type == "ok" else None]
