"""The recorded histories of Porcupine's tests: single operations on objects, in two notations.

    INFO  jepsen.util - 3	:invoke	:cas	[1 2]                                     a register, as Jepsen logs it
    INFO  jepsen.util - 3	:ok	:cas	[1 2]
    {:process 0, :type :invoke, :f :append, :key "4", :value "x 0 1 y"}     texts by keys, as EDN
    {:process 0, :type :ok, :f :append, :key "4", :value "x 0 1 y"}

Of a cas, :fail with what was asked means that it was refused, because it found another value than the old one. A
:fail with a reason means that the operation had no effect, an :info that nobody knows. Other loggers' lines say
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from harness.edn import EdnCut, EdnError, EdnReader, Keyword
from harness.events import LITERAL, TYPES, Event
from harness.fold import NEMESIS, fold
from harness.history import History, RunInfo
from harness.history_file import HistoryText

__all__ = ["read_porcupine"]

_REGISTER: Final = "register"  # The key of the one object of a log.
_WORKLOAD: Final = "linearizable-register"
_KINDS: Final = {"read": "r", "get": "r", "write": "w", "put": "w", "cas": "cas", "append": "append"}
_FIELDS: Final = tuple(Keyword(name) for name in ("process", "type", "f", "key", "value"))
_SORTS: Final = (int, Keyword, Keyword, str)

_CHATTER = re.compile(r"(?:TRACE|DEBUG|INFO|WARN|ERROR)\s+(?!jepsen\.util\s)[\w.$/-]+ - .*", re.ASCII)
_DISTURBANCE = re.compile(r"INFO\s+jepsen\.util - :nemesis\s+:(info|invoke)\s+:([\w-]+)\s+(\S.*)", re.ASCII)
_OPERATION = re.compile(
    r"INFO\s+jepsen\.util - (\d{1,9})\s+:([a-z]+)\s+:([a-z]+)\s+"
    r"(?:nil|(-?\d{1,18})|\[(-?\d{1,18}) (-?\d{1,18})\]|(:[\w./-]+))\s*",
    re.ASCII,
)
_REMEDY: Final = "correct or delete this operation"


class _Line(NamedTuple):
    """One operation as it stands there. A `value` is None, a number, a pair or a string; `stores` the sort kept."""

    at: int
    process: int
    kind: str
    f: str
    key: str
    value: Any
    reason: str
    stores: Any


def read_porcupine(name: str, text: str) -> History:
    """The history in a log or in lines of EDN; times are positions among the operations.

    Raises HistoryFormatError for whatever is neither: a line that was cut, an answer without a question or to another
    one, a process that asks while it waits for an answer.
    """
    file = HistoryText(name, text)
    lines = _edn(file) if text.lstrip().startswith("{") else _log(file)
    info = RunInfo(suite="check", workload=_WORKLOAD, target="recorded", clock="positions", foreign=True)
    return fold(file, _events(file, lines), info, lists=False)


def _log(file: HistoryText) -> Iterator[_Line | Event]:
    at = 0
    for line in file.text.split("\n"):
        if found := _OPERATION.fullmatch(line):
            process, kind, f, number, old, new, reason = found.groups()
            value: Any = None if number is None else int(number)
            value = value if old is None else [int(old), int(new)]
            yield _Line(at, int(process), kind, f, _REGISTER, value, (reason or "").lstrip(":"), int)
        elif found := _DISTURBANCE.fullmatch(line):
            yield Event(at, found[1], NEMESIS, found[2], None if found[3] == "nil" else found[3])
        elif line.strip() and not _CHATTER.fullmatch(line.rstrip("\r")):
            raise file.error(f"here is no operation of a log: {line[:60]!a}; {_REMEDY}", at)
        at += len(line) + 1
    file.refuse_cut_number()


def _edn(file: HistoryText) -> Iterator[_Line]:
    reader = EdnReader(file.text)
    try:
        while reader.read():
            found, at = reader.value, reader.began
            if not isinstance(found, dict) or set(found) != set(_FIELDS):
                raise file.error(f"here is no map of :process, :type, :f, :key and :value; {_REMEDY}", at)
            process, kind, f, key, value = (found[field] for field in _FIELDS)
            if tuple(map(type, (process, kind, f, key))) != _SORTS:
                sentence = (
                    "a process that is no number, a :type or :f that is no keyword, or a :key that is no string"
                )
                raise file.error(f"an operation has {sentence}; {_REMEDY}", at)
            yield _Line(at, process, kind.name, f.name, key, value, "", str)
    except EdnCut as cut:
        raise file.error(f"{cut}, so the file was cut off; copy the whole file again", cut.at) from None
    except EdnError as error:
        raise file.error(f"{error}; {_REMEDY}", error.at) from None


def _events(file: HistoryText, lines: Iterator[_Line | Event]) -> Iterator[Event]:
    """Each line as an event with one micro-operation, once it is known to be an answer to what was asked."""
    asked: dict[int, _Line] = {}
    for line in lines:
        if isinstance(line, Event):
            yield line
            continue
        if wrong := _wrong(line, asked.get(line.process)):
            raise file.error(f"{wrong}; {_REMEDY}", line.at)
        if line.kind == "invoke":
            asked[line.process] = line
            yield Event(line.at, "invoke", line.process, "txn", [[_KINDS[line.f], line.key, line.value]])
        else:
            yield _answer(line, asked.pop(line.process))


def _wrong(line: _Line, asked: _Line | None) -> str:
    """What cannot be in a line, in a few words, or nothing."""
    if line.kind not in TYPES:
        return f"an operation has the type {line.kind[:40]!a}, not invoke, ok, fail or info"
    if line.f not in _KINDS:
        return f"the operation {line.f[:40]!a} is unknown (known: {', '.join(_KINDS)})"
    if line.kind == "invoke":
        if asked is not None:
            return f"process {line.process} asks again while it waits for an answer"
        return "" if _is_question(line) else f"a {line.f} has not the value that is asked with it"
    if asked is None:
        return f"process {line.process} has an answer, but it asked nothing"
    if (line.f, line.key) != (asked.f, asked.key):
        return f"process {line.process} has an answer to another question than its own"
    if line.reason:
        return "an operation that is ok has a reason in place of its value" if line.kind == "ok" else ""
    if line.kind == "ok" and _KINDS[line.f] == "r":
        return (
            "" if line.value is None or type(line.value) is line.stores else "a read has no value that can be stored"
        )
    if line.value == asked.value and type(line.value) is type(asked.value):
        return ""
    unanswered = line.value is None and line.kind != "ok"
    return "" if unanswered else f"the answer to a {line.f} has another value than was asked"


def _is_question(line: _Line) -> bool:
    kind = _KINDS[line.f]
    if line.reason:
        return False
    if kind == "r":
        return line.value is None
    if kind == "cas":
        return line.stores is int and type(line.value) is list
    return type(line.value) is line.stores and (kind == "w" or line.stores is str)


def _answer(line: _Line, asked: _Line) -> Event:
    kind = _KINDS[line.f]
    if kind == "cas" and (line.kind == "ok" or (line.kind == "fail" and line.value is not None)):
        micro_op = [kind, line.key, [*asked.value, line.kind == "ok"]]
        return Event(line.at, "ok", line.process, "txn", [micro_op])
    if line.kind != "ok":
        return Event(line.at, line.kind, line.process, "txn", None, line.reason)
    micro_op = [kind, line.key, line.value, LITERAL] if kind == "r" else [kind, line.key, line.value]
    return Event(line.at, "ok", line.process, "txn", [micro_op])
