"""What happened: a run's transactions as immutable columns, and one view on a row for people.

A `History` holds numpy columns only. Rows are transactions in the order of their starts; the operations of
row `i` are `op_offset[i]:op_offset[i + 1]`. Keys and values are numbers into two dictionaries. A list that was
read is a slice of `elements`, and reads that saw the same list or a beginning of it share that slice:

    op_length >= 0   a list (or the key, value, key, value ... of a scan): elements[op_value:op_value + op_length]
    op_length == -1  nothing is known of the result: the answer never came
    op_length == -2  one value: values[op_value]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "FORMAT_VERSION",
    "KINDS",
    "KIND_CODE",
    "SCALAR",
    "UNSEEN",
    "UNSEEN_LENGTH",
    "Fault",
    "History",
    "Kind",
    "Op",
    "RunInfo",
    "Status",
    "Txn",
    "Unseen",
]

FORMAT_VERSION: Final = 1
UNSEEN_LENGTH: Final = -1
SCALAR: Final = -2

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


class Unseen:
    """The result of an operation whose answer never came. There is one instance, `UNSEEN`."""

    def __repr__(self) -> str:
        return "?"


UNSEEN: Final = Unseen()


class Op(NamedTuple):
    """One step of a transaction. `KINDS` says what key and value are before and after it ran."""

    kind: str
    key: Any
    value: Any = None


class Kind(NamedTuple):
    """One row of `KINDS`. `joins`: the completed value is (what was asked, the answer)."""

    name: str
    key: str
    before: str
    after: str
    joins: bool = False


# What was asked is never lost: where a result joins the argument, the completed value holds both. Codes are stored:
# a new row goes to the end. Keys of a data model are (model, name); `harness.models` says what r, w, append and
# delete of them are, and the kinds from make_queue on are its calls.
KINDS: tuple[Kind, ...] = (
    Kind("r", "the key", "None", "what is stored there: a value, None for nothing, or the list of all appends"),
    Kind("w", "the key", "the value to store", "the same"),
    Kind("append", "the key of a list", "the element to add at its end", "the same"),
    Kind("scan", "(low, high), high excluded, or a prefix", "None", "{key: value} in key order"),
    Kind("delete", "the key", "None", "None"),
    Kind("incr", "the key of a number", "the number to add", "(added, the new number)", joins=True),
    Kind("cas", "the key", "(old, new)", "(old, new, whether it was replaced)"),
    Kind("sql", "a label", "a statement", "(statement, its rows)", joins=True),
    Kind("make_queue", "a queue", "(seconds that a claim lasts, most deliveries of a task)", "the same"),
    Kind("enqueue", "a queue", "the payload", "(payload, the task's id)", joins=True),
    Kind("dequeue", "a queue", "None", "(task id, payload, attempt, receipt), None where nothing is to be had"),
    Kind("ack", "a queue", "a receipt", "(receipt, whether the claim was the caller's)", joins=True),
    Kind("nack", "a queue", "a receipt", "(receipt, whether the claim was the caller's)", joins=True),
    Kind("make_vectors", "an index", "the dimension", "the same"),
    Kind("add_node", "a graph", "a node's id", "the same"),
    Kind(
        "add_edge", "a graph", "(source, kind, target)", "((source, kind, target), whether both existed)", joins=True
    ),
    Kind("delete_node", "a graph", "a node's id", "the same"),
    Kind(
        "traverse",
        "a graph",
        "(start, depth)",
        "((start, depth), (ids, edges)), sorted; edges None: one leads nowhere",
        joins=True,
    ),
)
KIND_CODE: dict[str, int] = {kind.name: code for code, kind in enumerate(KINDS)}


class Status(IntEnum):
    """What the client knows of its transaction's fate."""

    OK = 0
    ABORTED = 1  # Surely without effect.
    UNKNOWN = 2  # Perhaps committed, perhaps not, perhaps later.


class Txn(NamedTuple):
    """One transaction: a view on a row of a history. It ran within the closed interval [start, end]."""

    id: int
    client: int
    ops: tuple[Op, ...]
    status: Status
    start: int
    end: int
    error: str = ""


class Fault(NamedTuple):
    """An injected disturbance, in the history's clock."""

    name: str
    start: int
    end: int
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """How a history came to be, so that it describes itself.

    `target` is the name without options, `settings` the options; `clock` is "nanoseconds" since the run
    began, "steps" of the step scheduler, "positions" in a foreign file, or "sessions" where a file tells only the
    order within each client: then all transactions share one interval (an initial one lies before it), and rows
    of a client come in its order. `expected` is the level the run is
    held to. `append` is "atomic", or "read-modify-write" where the target only has reads and writes: below the
    levels that forbid lost updates, such an append may be overwritten by another.
    """

    suite: str = ""
    workload: str = ""
    target: str = ""
    target_version: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    level: str = ""
    expected: str = ""
    seed: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    clients: int = 0
    schedule: str = ""
    append: str = "atomic"
    clock: str = "nanoseconds"
    command: str = ""
    started: str = ""
    foreign: bool = False
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """The columns of one run (n transactions, m operations, e list elements).

    `cut` is empty for a whole history; otherwise it is the sentence that says what is missing (a killed run's
    log has no transactions that were still open), and nothing may be concluded from what is not there.
    """

    info: RunInfo
    client: Int32s  # (n,)
    status: Int8s  # (n,) Status
    start: Int64s  # (n,) ascending
    end: Int64s  # (n,)
    error: Int32s  # (n,) number into values, -1 for none
    op_offset: Int64s  # (n + 1,)
    op_kind: Int8s  # (m,) number into KINDS
    op_key: Int32s  # (m,) number into keys
    op_value: Int64s  # (m,) see the top of this file
    op_length: Int32s  # (m,)
    elements: Int32s  # (e,) numbers into values; of a scan, keys and values alternate
    keys: tuple[Any, ...]
    values: tuple[Any, ...]
    faults: tuple[Fault, ...] = ()
    cut: str = ""
    # What the database itself says of a transaction's snapshot and commit, in its own clock; -1 where it says
    # nothing. (n,), or (0,) where the target exposes none.
    snapshot_timestamp: Int64s = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    commit_timestamp: Int64s = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.client)

    def txn(self, row: int) -> Txn:
        """The human view of one row."""
        first, last = int(self.op_offset[row]), int(self.op_offset[row + 1])
        error = int(self.error[row])
        return Txn(
            id=row,
            client=int(self.client[row]),
            ops=tuple(self.op(i) for i in range(first, last)),
            status=Status(int(self.status[row])),
            start=int(self.start[row]),
            end=int(self.end[row]),
            error="" if error < 0 else str(self.values[error]),
        )

    def txns(self) -> Iterator[Txn]:
        """All rows as views, in the order of their starts."""
        return (self.txn(row) for row in range(len(self)))

    def op(self, i: int) -> Op:
        """The human view of operation `i`."""
        kind = KINDS[int(self.op_kind[i])].name
        return Op(kind, self.keys[int(self.op_key[i])], self._value(i, kind))

    def _value(self, i: int, kind: str) -> Any:
        length, value = int(self.op_length[i]), int(self.op_value[i])
        if length == SCALAR:
            return self.values[value]
        if length == UNSEEN_LENGTH:
            return UNSEEN
        seen = self.elements[value : value + length].tolist()
        if kind == "scan":
            return {self.keys[k]: self.values[v] for k, v in zip(seen[::2], seen[1::2], strict=True)}
        return [self.values[v] for v in seen]

    def _check(self) -> None:
        """Raise ValueError unless every number in the columns points to something: kernels rely on it."""
        n, m, e = len(self.client), len(self.op_kind), len(self.elements)
        listed = self.op_length >= 0
        scalar = self.op_length == SCALAR
        checks = {
            "txn columns differ in length": len(self.status) == len(self.start) == len(self.end) == n
            and len(self.error) == n
            and len(self.op_offset) == n + 1,
            "timestamps are neither of all transactions nor of none": len(self.snapshot_timestamp)
            == len(self.commit_timestamp)
            and len(self.commit_timestamp) in {0, n},
            "op columns differ in length": len(self.op_key) == len(self.op_value) == len(self.op_length) == m,
            "op_offset does not run from 0 to the number of operations": self.op_offset[0] == 0
            and self.op_offset[-1] == m
            and bool((np.diff(self.op_offset) >= 0).all()),
        }
        if all(checks.values()):
            checks |= {
                "status out of range": _within(self.status, len(Status)),
                "rows are not in the order of their starts": bool((np.diff(self.start) >= 0).all()),
                "a transaction ends before it starts": bool((self.start <= self.end).all()),
                "error out of range": _within(self.error[self.error != -1], len(self.values)),
                "op_kind out of range": _within(self.op_kind, len(KINDS)),
                "op_key out of range": _within(self.op_key, len(self.keys)),
                "op_length below -2": bool((self.op_length >= SCALAR).all()),
                "op_value out of range": _within(self.op_value[scalar], len(self.values)),
                "a list outside elements": bool((self.op_value[listed] >= 0).all())
                and bool((self.op_value[listed] <= e - self.op_length[listed].astype(np.int64)).all()),
                "an element out of range": _within(self.elements, self._elements_bound()),
            }
        for sentence, holds in checks.items():
            if not holds:
                raise ValueError(f"malformed history: {sentence}")

    def _elements_bound(self) -> int:
        """Elements are values; only in a history with scans some of them are keys."""
        scans = bool((self.op_kind == KIND_CODE["scan"]).any())
        return max(len(self.values), len(self.keys)) if scans else len(self.values)


def _within(numbers: npt.NDArray[Any], bound: int) -> bool:
    return len(numbers) == 0 or bool(numbers.min() >= 0 and numbers.max() < bound)
