"""From events to transactions: the one function that joins invocations and completions.

The order of the file is the order of time. A transaction ran from the position of its invocation to that of its
completion; one that never completed has an unknown fate and runs to the end; a completion without invocation is
a point. What a client says twice or out of order stays in the history: judging evidence is a checker's work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from harness.build import HistoryBuilder
from harness.edn_text import edn_text
from harness.events import LITERAL, MICRO_OPS, UNSEEN_MARK, Event, Line, Regular
from harness.history import KINDS, UNSEEN, Fault, History, Op, RunInfo, Status
from harness.history_file import HistoryText
from harness.regular_columns import RegularColumns

__all__ = ["CUT_NAME", "LEFT_OUT", "NEMESIS", "detect_workload", "fold"]

NEMESIS: Final = "nemesis"
CUT_NAME: Final = "history-cut"  # The f of a nemesis operation that says what is missing from a history.
LEFT_OUT: Final = "left out"  # The setting that says how many operations of clients are no transactions.

_JOINED: Final = frozenset(kind.name for kind in KINDS if kind.joins)
_OK: Final = int(Status.OK)
_NO_ERROR: Final = frozenset({"", "nil"})  # In the words of a regular line.
_STATUS: Final = {"ok": Status.OK, "fail": Status.ABORTED, "info": Status.UNKNOWN}
_WAITING_MAX: Final = 64
_NAMED_FROM: Final = -(2**31)  # Clients with a name are counted upwards from here until all numbers are known.
_NUMBERS: Final = range(-(2**30), 2**31)


def fold(file: HistoryText, events: Iterable[Event | Regular], info: RunInfo, *, lists: bool) -> History:
    """The history that `events` tell. `lists`: values read are lists, and an answered nil is the empty one.

    Operations of clients that are no transactions are left out, and counted in the settings under `LEFT_OUT`.
    Raises HistoryFormatError for an operation that is no transaction although it claims to be one.
    """
    folding = _Folding(file, lists)
    event = Event(0, "", None, None, None)
    try:
        for one in events:
            if isinstance(one, Regular):
                folding.take_regular(one)
            else:
                event = one
                folding.take(event)
        return folding.end(info)
    except RecursionError:
        raise file.error("values are nested too deep; correct or delete this operation", event.at) from None


def detect_workload(events: Iterable[Event | Regular], *, may_append: bool) -> str:
    """list-append where anything is appended, else rw-register where anything is written, else by what was read.

    Stops at the first operation that decides; without `may_append`, that is the first write too. Empty where
    there is no micro-operation at all.
    """
    found = ""
    one_by_one = (event for one in events for event in (one.events() if isinstance(one, Regular) else (one,)))
    for event in one_by_one:
        for micro_op in event.value if type(event.value) is list else ():
            if type(micro_op) is not list or len(micro_op) < 2 or type(micro_op[0]) is not str:
                continue
            kind = MICRO_OPS.get(micro_op[0])
            if kind == "append":
                return "list-append"
            if kind == "w":
                found = "rw-register written"
                if not may_append:
                    return "rw-register"
            elif kind == "r" and found != "rw-register written":
                listed = len(micro_op) > 2 and type(micro_op[2]) is list
                found = "list-append" if listed or found == "list-append" else "rw-register"
    return found.partition(" ")[0]


_Told = Event | tuple[Regular, Line]
"""An invocation, as an event or as it stands in a file: most are never looked at again."""


class _Folding:
    """The operations taken so far: open ones by process, completed ones in the builder."""

    def __init__(self, file: HistoryText, lists: bool) -> None:
        self._file = file
        self._lists = lists
        self._position = 0
        self._builder = HistoryBuilder()
        self._columns = RegularColumns(self._builder, lists)
        self._open: dict[int | str | None, list[tuple[int, _Told]]] = {}
        self._named: dict[str, int] = {}
        self._disturbed: dict[str, list[tuple[int, Event]]] = {}
        self._faults: list[Fault] = []
        self._cut = ""
        self._left_out = 0

    def take(self, event: Event) -> None:
        if event.process == NEMESIS:
            self._disturb(event)
        elif type(event.process) is int and event.process not in _NUMBERS:
            raise self._file.error("a process number does not fit into 32 bits; use smaller ones", event.at)
        elif event.type == "invoke":
            self._open.setdefault(event.process, []).append((self._position, event))
        else:
            start, invoked = self._position, None
            if waiting := self._open.get(event.process):
                start, told = waiting.pop(_answered(waiting, event) if len(waiting) > 1 else 0)
                invoked = _event(told)
            self._complete(invoked, event, start)
        self._position += 1

    def take_regular(self, regular: Regular) -> None:
        """Take many operations; whatever does not simply complete with ok is taken like any other."""
        asked = self._open
        position, rows, values = self._position, list[int](), list[str]()
        for line in regular.lines:
            kind, process, value, error = line
            client = int(process)
            waiting = asked.get(client)
            if kind == "invoke":
                if waiting is None:
                    waiting = asked[client] = []
                waiting.append((position, (regular, line)))
            elif kind == "ok" and value != "nil" and error in _NO_ERROR and (not waiting or len(waiting) == 1):
                rows += (waiting.pop()[0] if waiting else position, client, position, _OK, -1)
                values.append(value)
            else:
                self._add_regular(rows, values)
                self._position = position
                self.take(regular.event(line))
            position += 1
        self._add_regular(rows, values)
        self._position = position

    def _add_regular(self, rows: list[int], values: list[str]) -> None:
        self._builder.add_rows(rows, self._columns.add(values))
        rows.clear()
        values.clear()

    def end(self, info: RunInfo) -> History:
        """Close what is open and build the history."""
        for waiting in self._open.values():
            for start, told in waiting:
                invoked = _event(told)
                self._add(invoked, start, self._position, Status.UNKNOWN, invoked, answered=False)
        for name, begun in self._disturbed.items():
            for start, event in begun:
                self._faults.append(Fault(name, start, self._position, _detail(event, event)))
        history = self._builder.build(info, faults=sorted(self._faults, key=lambda one: one.start), cut=self._cut)
        client = history.client.astype(np.int64)
        named = client < _NUMBERS.start
        client[named] += max(int(client.max(initial=-1)), -1) + 1 - _NAMED_FROM
        settings = {LEFT_OUT: str(self._left_out)} if self._left_out else {}
        info = replace(info, clients=len(np.unique(client)), settings=settings)
        return replace(history, client=client.astype(np.int32), info=info)

    def _complete(self, invoked: Event | None, completed: Event, start: int) -> None:
        status = _STATUS[completed.type]
        told, answered = completed, status is Status.OK
        if invoked is not None:
            if status is Status.OK:
                if completed.value is None:
                    told, answered = invoked, False
            elif not _tells(completed) or (status is Status.ABORTED and not _alike(invoked, completed)):
                told = invoked
        elif status is not Status.OK and not _tells(completed):
            told = completed._replace(value=None)
        if _is_transaction(completed) or (invoked is not None and _is_transaction(invoked)):
            self._add(told, start, self._position, status, completed, answered=answered)
        else:
            self._left_out += 1

    def _add(self, told: Event, start: int, end: int, status: Status, last: Event, *, answered: bool) -> None:
        if last is told and last.type == "invoke" and not _is_transaction(told):
            self._left_out += 1
            return
        ops = self._ops(told, answered)
        self._builder.add(self._client(told), start, end, status, ops, last.error)

    def _client(self, event: Event) -> int:
        process = event.process
        if type(process) is int:
            return process
        if process is None:
            raise self._file.error("a transaction has no process; give each client a number", event.at)
        return self._named.setdefault(str(process), _NAMED_FROM + len(self._named))

    # Micro-operations

    def _ops(self, event: Event, answered: bool) -> list[Op]:
        value = event.value
        if value is None:
            return []
        if type(value) is dict and event.f == "init":
            return [Op("w", key, _scalar(one)) for key, one in value.items()]
        if type(value) is not list:
            raise self._malformed("the value of a transaction is not a list of micro-operations", event)
        ops = []
        lists = self._lists
        for micro_op in value:
            if type(micro_op) is not list or not 2 <= len(micro_op) <= 4 or type(micro_op[0]) is not str:
                raise self._malformed("a micro-operation is not of the form [f key value]", event, micro_op)
            name = micro_op[0]
            if len(micro_op) == 3:
                given = micro_op[2]
                if name == "append" and type(given) is int:
                    ops.append(Op("append", micro_op[1], given))
                    continue
                if name == "r" and lists and type(given) is list:
                    ops.append(Op("r", micro_op[1], given))
                    continue
            ops.append(self._op(event, micro_op, answered))
        return ops

    def _op(self, event: Event, micro_op: list[Any], answered: bool) -> Op:
        name, key, value, mark = (*micro_op, None, None)[:4]
        kind = MICRO_OPS.get(name)
        if kind is None:
            known = ", ".join(MICRO_OPS)
            raise self._malformed(f"the micro-operation {ascii(name)[:40]} is unknown (known: {known})", event)
        if mark is not None and not (isinstance(mark, str) and mark in {LITERAL, UNSEEN_MARK}):
            raise self._malformed("the fourth part of a micro-operation is neither seen nor unseen", event, micro_op)
        if name == "rp":
            key = self._predicate(key, event)
        if mark == UNSEEN_MARK:
            return Op(kind, key, UNSEEN)
        if kind == "scan":
            return Op(kind, key, self._scanned(value, event, micro_op, answered or mark == LITERAL))
        if kind == "dequeue" and value is None and not answered and mark != LITERAL:
            return Op(kind, key, UNSEEN)
        if kind in _JOINED and event.type == "invoke":
            return Op(kind, key, (_scalar(value), None))
        if kind != "r":
            return Op(kind, key, _scalar(value))
        if mark == LITERAL or not self._lists:
            value = _scalar(value)
        if value is None and mark != LITERAL:
            value = UNSEEN if not answered else [] if self._lists else None
        return Op(kind, key, value)

    def _predicate(self, key: Any, event: Event) -> str:
        if key != "true":
            raise self._malformed("a predicate read is understood only with the predicate true", event, key)
        return ""  # The prefix of every key.

    def _scanned(self, value: Any, event: Event, micro_op: list[Any], answered: bool) -> Any:
        if value is None:
            return {} if answered else UNSEEN
        if type(value) is dict:
            return {key: _scalar(one) for key, one in value.items()}
        try:
            pairs = {_scalar(key): _scalar(one) for key, one in value}
        except (TypeError, ValueError):
            raise self._malformed("a scan did not return a map or a list of pairs", event, micro_op) from None
        if len(pairs) < len(value):
            raise self._malformed("a scan returned a key twice", event, micro_op)
        return pairs

    def _malformed(self, sentence: str, event: Event, part: Any = None) -> Exception:
        shown = "" if part is None else f": {edn_text(part)[:60]!a}"
        return self._file.error(f"{sentence}{shown}; correct or delete this operation", event.at)

    # Disturbances

    def _disturb(self, event: Event) -> None:
        """The nemesis reports each disturbance twice, when it begins it and when that is done."""
        name = event.f or NEMESIS
        if name == CUT_NAME and isinstance(event.value, str):
            self._cut = event.value
            return
        begun = self._disturbed.setdefault(name, [])
        if begun:
            start, first = begun.pop(0)
            self._faults.append(Fault(name, start, self._position, _detail(first, event)))
        else:
            begun.append((self._position, event))


def _scalar(value: Any) -> Any:
    """A list that was stored as one value, not read as a list of values, is a tuple."""
    return tuple(_scalar(one) for one in value) if isinstance(value, list) else value


def _detail(first: Event, last: Event) -> str:
    value = first.value if last.value is None else last.value
    if value is None:
        return last.error
    return value if isinstance(value, str) else edn_text(value)


def _has_micro_ops(event: Event) -> bool:
    value = event.value
    if type(value) is dict:
        return event.f == "init"
    return type(value) is list and all(type(one) is list and one and type(one[0]) is str for one in value)


def _tells(event: Event) -> bool:
    """Whether there are operations in the value: that of a failed or indeterminate one may be anything."""
    return bool(event.value) and _has_micro_ops(event)


def _is_transaction(event: Event) -> bool:
    """Whether an operation claims to be a transaction, by its f or by what its value looks like."""
    if event.f == "txn":
        return True
    return _tells(event) and (event.f in {None, "init"} or any(one[0] in MICRO_OPS for one in event.value))


def _shape(event: Event) -> Any:
    if type(event.value) is dict:
        return event.value.keys()
    return [one[:2] for one in event.value or ()]


def _alike(invoked: Event, completed: Event) -> bool:
    """Whether both name the same operations on the same keys."""
    return _has_micro_ops(invoked) and _has_micro_ops(completed) and _shape(invoked) == _shape(completed)


def _event(told: _Told) -> Event:
    return told if isinstance(told, Event) else told[0].event(told[1])


def _answered(waiting: list[tuple[int, _Told]], completed: Event) -> int:
    """Which of several open invocations of a process it is that completed: the oldest that looks like it.

    Only so many are looked at: a process with two is no evidence anyway, and one with very many would take forever.
    """
    alike: Callable[[int], bool] = lambda number: _alike(_event(waiting[number][1]), completed)  # noqa: E731
    return next(filter(alike, range(min(len(waiting), _WAITING_MAX))), 0)
