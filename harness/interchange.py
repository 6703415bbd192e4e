"""Foreign histories in, ours out (docs/HISTORY_FORMAT.md).

read_history("history.edn")            a History, whatever of FORMATS the file or folder is in
write_jsonl(history), write_edn(...)   its lines
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from harness.edn import Keyword
from harness.edn_events import edn_events
from harness.edn_text import edn_text
from harness.events import LITERAL, UNSEEN_MARK, Event, HistoryFormatError, Regular
from harness.fold import CUT_NAME, NEMESIS, detect_workload, fold
from harness.formats import FORMATS
from harness.formats.awdit import read_awdit
from harness.formats.chronos import read_chronos
from harness.formats.cobra import read_cobra
from harness.formats.dbcop import is_dbcop_bincode, read_dbcop, read_dbcop_bincode
from harness.formats.detection import REMEDY, format_of_folder, format_of_text
from harness.formats.plume import read_plume
from harness.formats.porcupine import read_porcupine
from harness.history import KINDS, UNSEEN, History, Op, RunInfo, Status
from harness.history_file import HistoryFile, HistoryText, OnRead
from harness.json_events import json_array_events, json_line_events, json_value
from harness.single_operations import shape_of, transactions_of

__all__ = ["FORMATS", "HistoryFormatError", "read_history", "write_edn", "write_jsonl"]

# Operation by operation, in the shape of Jepsen.
_OPERATIONS: Final[dict[str, Callable[[HistoryText], Iterator[Event | Regular]]]] = {
    "edn": edn_events,
    "jsonl": json_line_events,
    "json": json_array_events,
}
# Whole texts of other shapes.
_TEXTS: Final[dict[str, Callable[[str, str], History]]] = {
    "plume": read_plume,
    "awdit": read_awdit,
    "dbcop": read_dbcop,
    "chronos": read_chronos,
    "porcupine": read_porcupine,
}
_BINCODE: Final = "dbcop-bincode"
_FOLDER: Final = "cobra"

# The answer is all that these operations bring; before it there is nothing to tell.
_ANSWERS: Final = frozenset({"r", "scan", "dequeue"})
_JOINED: Final = frozenset(kind.name for kind in KINDS if kind.joins)
_COMPLETION: Final = {Status.OK: "ok", Status.ABORTED: "fail", Status.UNKNOWN: "info"}
_BEGINNING_LENGTH: Final = 1 << 16
_LAST: Final = 1 << 40


def read_history(
    path: str | PathLike[str],
    *,
    format: str = "auto",  # noqa: A002 - the word of the command line.
    workload: str | None = None,
    on_read: OnRead | None = None,
) -> History:
    """The history in the file or folder at `path`. Of zero transactions, if it has none.

    `format` is one of FORMATS; "auto" looks at the content. `info.settings` says what it found, and how many
    operations were left out. Times are positions in the file, or there are none (`info.clock`). `workload` says how
    to understand a read of nil or of a list ("list-append": as a list; any other: as one value); None finds out from
    the operations. `on_read` is told how much has been read. Raises HistoryFormatError for a malformed file,
    ValueError for an unknown format, OSError where it cannot be read.
    """
    if format not in FORMATS:
        raise ValueError(f"unknown history format {format!r}; known formats: {', '.join(FORMATS)}")
    place = Path(path)
    if place.is_dir():
        found, history = _folder(place, format)
    else:
        file = HistoryFile(place, REMEDY, on_read)
        found = _format_of(file) if format == "auto" else format
        with _WithoutCollector():
            history = _read(file, found, workload)
    settings = {"format": found, **history.info.settings}
    info = replace(history.info, workload=workload or history.info.workload, settings=settings)
    return replace(history, info=info)


def write_jsonl(history: History) -> Iterator[str]:
    """The history as lines of JSON, without line ends. RunInfo is not part of it."""
    encoder = msgspec.json.Encoder()
    for event in _events(history):
        event["value"] = json_value(event["value"])
        yield encoder.encode(event).decode()


def write_edn(history: History) -> Iterator[str]:
    """The history as EDN, one map a line, without line ends. Strings stay strings: they do not become keywords."""
    for event in _events(history):
        event["type"] = Keyword(event["type"])
        event["f"] = Keyword(event["f"]) if event["f"] == "txn" else event["f"]
        if event["process"] == NEMESIS:
            event["process"] = Keyword(NEMESIS)
        else:
            event["value"] = [[Keyword(name), *rest] for name, *rest in event["value"]]
        fields = ", ".join(f":{name} {edn_text(value)}" for name, value in event.items())
        yield f"{{{fields}}}"


# Reading


class _WithoutCollector:
    """Millions of small lists are made and none is a cycle: the cycle collector would only look at them all."""

    def __enter__(self) -> None:
        self._enabled = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._enabled:
            gc.enable()


def _folder(place: Path, format: str) -> tuple[str, History]:  # noqa: A002
    """The format and the history of a folder."""
    if format not in {"auto", _FOLDER}:
        raise HistoryFormatError(f"{place.name} is not a history: it is a folder, and {format} is a file's format")
    if format == "auto" and not format_of_folder(place):
        raise HistoryFormatError(f"{place.name} is not a history: it is a folder without logs; {REMEDY}")
    with _WithoutCollector():
        return _FOLDER, read_cobra(place)


def _format_of(file: HistoryFile) -> str:
    if is_dbcop_bincode(file.beginning(_BEGINNING_LENGTH)):
        return _BINCODE
    beginning = ""
    for piece in file.pieces():
        beginning += piece
        if len(beginning) >= _BEGINNING_LENGTH:
            break
    return format_of_text(file.name, beginning[:_BEGINNING_LENGTH])


def _read(file: HistoryFile, found: str, workload: str | None) -> History:
    if found == _FOLDER:
        raise HistoryFormatError(f"{file.name} is not a history: {found} is the format of a folder; {REMEDY}")
    if found == _BINCODE:
        return read_dbcop_bincode(file.name, file.content())
    if found in _TEXTS:
        return _TEXTS[found](file.name, file.text)
    file.numbered = found == "json"
    reader = _OPERATIONS[found]
    kind = workload or ""
    if kind not in {"list-append", "rw-register"}:
        # An escape could spell the word in another way.
        may_append = file.contains("append") or file.contains("\\u")
        kind = detect_workload(reader(file), may_append=may_append)
    info = RunInfo(suite="check", workload=kind, target="recorded", clock="positions", foreign=True)
    shape = None if kind else shape_of(file, reader(file), workload)
    if shape is None:
        return fold(file, reader(file), info, lists=kind == "list-append")
    info = replace(info, workload=shape.workload)
    return fold(file, transactions_of(file, reader(file), shape), info, lists=shape.lists)


# Writing


def _events(history: History) -> Iterator[dict[str, Any]]:
    """All operations in the order of time, as fields in the order in which they are written.

    At one moment invocations come before completions: intervals that touch in `history` still do so, but for two of
    one client, which has to end one transaction before it begins the next.
    """
    lists = detect_workload(_micro_op_events(history), may_append=True) == "list-append"
    n, faults = len(history), history.faults
    times = np.concatenate((history.start, history.end, np.array([(f.start, f.end) for f in faults], int).ravel()))
    ranks = np.concatenate((_ranks(history), np.tile([0, _LAST], len(faults))))
    index = 0
    if history.cut:
        yield _event(0, 0, NEMESIS, "info", CUT_NAME, history.cut)
        index = 1
    for place in np.lexsort((ranks, times)).tolist():
        time = int(times[place])
        if place >= 2 * n:
            fault = faults[(place - 2 * n) // 2]
            yield _event(index, time, NEMESIS, "info", fault.name, fault.detail or None)
        else:
            row = place % n
            txn = history.txn(row)
            kind = "invoke" if place < n else _COMPLETION[txn.status]
            asked = [_asked(op) if place < n else _answered(op, txn.status, lists) for op in txn.ops]
            yield _event(index, time, txn.client, kind, "txn", asked, "" if place < n else txn.error)
        index += 1


def _ranks(history: History) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(2n,) the places of all starts, then of all ends, among what happens at the same moment."""
    n = len(history)
    ranks = np.repeat((0, _LAST), n)
    rows = np.argsort(history.client, kind="stable")
    one, two = rows[:-1], rows[1:]
    tied = (history.client[one] == history.client[two]) & (history.end[one] == history.start[two])
    for before, after in zip(one[tied].tolist(), two[tied].tolist(), strict=True):
        ranks[n + before] = 1 + (ranks[before] if history.start[before] == history.end[before] else 0)
        ranks[after] = ranks[n + before] + 1
    return ranks


def _micro_op_events(history: History) -> Iterator[Event]:
    """What detection has to see, so that a reader decides alike."""
    for txn in history.txns():
        yield Event(txn.id, "ok", txn.client, "txn", [list(op) for op in txn.ops])


def _event(index: int, time: int, process: Any, kind: str, f: str, value: Any, error: str = "") -> dict[str, Any]:
    event = {"index": index, "time": time, "process": process, "type": kind, "f": f, "value": value}
    return event | {"error": error} if error else event


def _asked(op: Op) -> list[Any]:
    """An operation before it ran."""
    kind, key, value = op
    if kind in _ANSWERS or value is UNSEEN:
        return [kind, key, None]
    if kind in _JOINED and isinstance(value, tuple):
        return [kind, key, value[0]]
    if kind == "cas" and isinstance(value, tuple):
        return [kind, key, value[:2]]
    return [kind, key, value]


def _answered(op: Op, status: Status, lists: bool) -> list[Any]:
    """An operation after it ran, marked where a reader would take it for something else."""
    kind, key, value = op
    answered = status is Status.OK
    if value is UNSEEN:
        plain = kind in _ANSWERS and not answered
        return [kind, key, None] if plain else [kind, key, None, UNSEEN_MARK]
    if kind == "dequeue" and value is None and not answered:
        return [kind, key, None, LITERAL]
    if kind == "r" and ((value is None and (lists or not answered)) or (lists and isinstance(value, tuple))):
        return [kind, key, value, LITERAL]
    return [kind, key, value]
