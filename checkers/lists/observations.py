"""What the reads of a list-append history say: who appended each element, and in which order.

A list that was read shows the order of its appends, so the longest list read of a key is that key's version
order as far as it is known (Kingsbury & Alvaro 2020). Lists that share storage are treated once: a "list" here
is one (key, place in `History.elements`), a read is a list and a length. Names of sizes: n transactions,
m operations, a appends, r reads, g lists, f places (all lists one after another), k keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from checkers.compiling import prepare
from checkers.lists import list_kernels
from harness.history import KIND_CODE, SCALAR, History, Status

__all__ = ["Observations", "observe"]

Ints = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

_READ, _APPEND = KIND_CODE["r"], KIND_CODE["append"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Observations:
    """The columns that all further judging is made from: int32, and -1 stands for none throughout."""

    history: History
    op_row: Ints  # (m,) the transaction of each operation
    op_size: Ints  # (m,) op_length with None read as the empty list, -1 where no list is known
    included: Bools  # (n,) OK, and UNKNOWN with a write that an included one read
    append_op: Ints  # (a,) ascending by (key, operation)
    append_row: Ints  # (a,)
    append_key: Ints  # (a,)
    repeated_append: int  # an append_op whose element was appended to its key before, or -1
    list_key: Ints  # (g,) ascending
    list_first: Ints  # (g + 1,) the list's first place, and where the last list ends
    place_element: Ints  # (f,) number into History.values
    place_append: Ints  # (f,) the append that put it there, a number into append_op, -1 for nobody's
    place_repeated: Bools  # (f,) the element stands earlier in the same list already
    place_writer: Ints  # (f,) its included writer; -1 for a repeated, aborted or nobody's element
    place_before: Ints  # (f,) the last place of the list at or before this one that has a writer, -1 if none
    place_after: Ints  # (f,) the first place of the list at or after this one that has a writer, f if none
    read_op: Ints  # (r,) reads with a known list by included transactions, ascending
    read_row: Ints  # (r,)
    read_key: Ints  # (r,)
    read_list: Ints  # (r,) -1 for the empty list
    read_size: Ints  # (r,)
    read_distinct: Ints  # (r,) its elements without repeated ones
    read_reach: Ints  # (r,) how far it reaches in its key's order, -1 where it contradicts it
    order_list: Ints  # (k,) the list that holds the key's order, -1 where nothing was ever read
    order_size: Ints  # (k,)

    @cached_property
    def list_size(self) -> Ints:
        """(g,) the greatest length to which each list was read."""
        return np.diff(self.list_first)

    @cached_property
    def place_list(self) -> Ints:
        """(f,) the list a place belongs to."""
        return np.repeat(np.arange(len(self.list_key)), np.diff(self.list_first))

    @cached_property
    def disputed(self) -> Bools:
        """(k,) keys of which two reads disagree on the order."""
        keys = np.zeros(len(self.order_list), dtype=bool)
        keys[self.read_key[self.read_reach < 0]] = True
        return keys

    @cached_property
    def read_of_order(self) -> Ints:
        """(k,) the first read that shows all of its key's order, -1 where there is none."""
        reads = np.flatnonzero((self.read_size == self.order_size[self.read_key]) & (self.read_size > 0))[::-1]
        first = np.full(len(self.order_list), -1, dtype=np.int64)
        # Backwards, so that the first one is the one that stays.
        first[self.read_key[reads]] = reads
        return first

    def appends_of(self, key: int) -> Ints:
        """The appends to a key."""
        return np.arange(*np.searchsorted(self.append_key, (key, key + 1)))

    @cached_property
    def append_place(self) -> Ints:
        """(a,) where an append stands in its key's order, -1 where that order does not show it."""
        place: Ints = list_kernels.place_appends(
            self.order_list,
            self.order_size,
            self.list_first,
            self.place_append,
            self.place_repeated,
            len(self.append_op),
        )
        return place


def observe(history: History) -> Observations:
    """Read a list-append history, in linear time: what is wrong is there to be seen.

    Raises ValueError where lists overlap in `History.elements`, which no builder makes.
    """
    prepare(list_kernels, len(history.op_kind))
    history = _read_only(history)
    op_row = np.repeat(np.arange(len(history), dtype=np.int32), np.diff(history.op_offset))
    op_size = _sizes(history)
    appended = (history.op_kind == _APPEND) & (history.op_length == SCALAR)
    append_op, append_first = list_kernels.sort_by_key(appended, history.op_key, len(history.keys))
    append_row = op_row[append_op]
    lists: dict[str, Any] = _lists(history, op_row, op_size)
    op_list = lists.pop("op_list")
    places = _places(history, lists, append_first, append_op)
    row_of_place = _of(places["place_append"], append_row)
    included = _included(history, op_list, op_size, lists["list_first"], row_of_place)
    writer = row_of_place
    writer[places["place_repeated"] | ~_of(writer, included, absent=False)] = -1
    before, after = list_kernels.neighbours(lists["list_first"], writer)
    reads: dict[str, Any] = _reads(history, op_row, op_size, op_list, included)
    reads["read_distinct"] = _distinct(reads, lists, places["place_repeated"])
    order_list, order_size = list_kernels.longest_reads(
        reads["read_key"], reads["read_list"], reads["read_size"], reads["read_distinct"], len(history.keys)
    )
    del lists["list_place"]
    return Observations(
        history=history,
        op_row=op_row,
        op_size=op_size,
        included=included,
        append_op=append_op,
        append_row=append_row,
        append_key=history.op_key[append_op],
        place_writer=writer,
        place_before=before,
        place_after=after,
        read_reach=_reaches(reads, order_list, order_size, lists, places),
        order_list=order_list,
        order_size=order_size,
        **lists,
        **places,
        **reads,
    )


def _read_only(history: History) -> History:
    """The same columns, none to be written to: kernels are compiled once for histories of files and of builders."""
    columns: dict[str, Any] = {
        name: column.view() for name, column in vars(history).items() if isinstance(column, np.ndarray)
    }
    for column in columns.values():
        column.setflags(write=False)
    return replace(history, **columns)


def _sizes(history: History) -> Ints:
    """(m,) the length of every list that was read, None read as the empty list; -1 where no list is known."""
    size: Ints = np.maximum(history.op_length, -1)
    scalar = np.flatnonzero((history.op_length == SCALAR) & (history.op_kind == _READ))
    if len(scalar):
        none = next((number for number, value in enumerate(history.values) if value is None), -1)
        size[scalar[history.op_value[scalar] == none]] = 0
    return size


def _of(numbers: Ints, column: Ints, *, absent: int = -1) -> Ints:
    """column[numbers], and `absent` where a number is -1."""
    if not len(column):
        return np.full(len(numbers), absent, dtype=column.dtype)
    # A number of -1 takes the last entry, which is then replaced.
    taken = column[numbers]
    taken[numbers < 0] = absent
    return taken


def _lists(history: History, op_row: Ints, op_size: Ints) -> dict[str, Ints]:
    listed = (history.op_kind == _READ) & (op_size > 0)
    if bool((history.status == Status.ABORTED).any()):
        listed &= history.status[op_row] != Status.ABORTED
    reads, _ = list_kernels.sort_by_key(listed, history.op_key, len(history.keys))
    read_list, key, place, size = list_kernels.name_lists(
        reads, history.op_key, history.op_value, op_size, len(history.elements)
    )
    op_list = np.full(len(op_size), -1, dtype=np.int32)
    op_list[reads] = read_list
    first = np.concatenate(([0], np.cumsum(size)))
    # Lists of a whole history lie side by side. Of a made-up one they might overlap and fill memory together.
    if first[-1] > min(len(history.elements), np.iinfo(np.int32).max):
        raise ValueError("malformed history: lists overlap, or hold more elements than can be numbered")
    first = first.astype(np.int32)
    return {"op_list": op_list, "list_key": key, "list_place": place, "list_first": first}


def _places(history: History, lists: dict[str, Ints], append_first: Ints, append_op: Ints) -> dict[str, Any]:
    element, append, repeated, again = list_kernels.index_places(
        lists["list_key"],
        lists["list_place"],
        lists["list_first"],
        history.elements,
        append_first,
        history.op_value[append_op].astype(np.int32),
        len(history.values),
    )
    return {
        "place_element": element,
        "place_append": append,
        "place_repeated": repeated,
        "repeated_append": int(append_op[again]) if again >= 0 else -1,
    }


def _included(history: History, op_list: Ints, op_size: Ints, list_first: Ints, row_of_place: Ints) -> Bools:
    """OK rows plus the least fixpoint of UNKNOWN rows of which an included row read a write."""
    included: Bools = history.status == Status.OK
    unknown = history.status == Status.UNKNOWN
    if bool(unknown.any()):
        list_kernels.include_unknown(history.op_offset, op_list, op_size, list_first, row_of_place, unknown, included)
    return included


def _reads(history: History, op_row: Ints, op_size: Ints, op_list: Ints, included: Bools) -> dict[str, Ints]:
    chosen = (history.op_kind == _READ) & (op_size >= 0)
    if not bool(included.all()):
        chosen &= included[op_row]
    op = np.flatnonzero(chosen).astype(np.int32)
    return {
        "read_op": op,
        "read_row": op_row[op],
        "read_key": history.op_key[op],
        "read_list": op_list[op],
        "read_size": op_size[op],
    }


def _distinct(reads: dict[str, Ints], lists: dict[str, Ints], repeated: Bools) -> Ints:
    """How many elements of each read are no repetitions."""
    if not bool(repeated.any()):
        return reads["read_size"]
    so_far = np.concatenate(([0], np.cumsum(repeated))).astype(np.int32)
    distinct: Ints = reads["read_size"].copy()
    full = reads["read_list"] >= 0
    first = lists["list_first"][reads["read_list"][full]]
    distinct[full] -= so_far[first + distinct[full]] - so_far[first]
    return distinct


def _reaches(
    reads: dict[str, Ints], order_list: Ints, order_size: Ints, lists: dict[str, Ints], places: dict[str, Any]
) -> Ints:
    """How far each read reaches in its key's order; every list is held against the order once."""
    size, read_list = reads["read_size"], reads["read_list"]
    if len(lists["list_key"]) == int((order_list >= 0).sum()) and size is reads["read_distinct"]:
        # Each key has one list and it is the order: a length says all.
        return size
    reach = list_kernels.agreement(
        lists["list_key"],
        lists["list_first"],
        order_list,
        order_size,
        places["place_element"],
        places["place_repeated"],
    )
    full = np.flatnonzero(size > 0)
    of_read = size.copy()
    of_read[full] = reach[lists["list_first"][read_list[full]] + size[full] - 1]
    return of_read
