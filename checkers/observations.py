"""What the reads of a list-append history say: who appended each element, and in which order.

A list that was read shows the order of its appends, so the longest list read of a key is that key's version
order as far as it is known (Kingsbury & Alvaro 2020). Lists that share storage are treated once: a "list" here
is one (key, place in `History.elements`), a read is a list and a length. Names of sizes: n transactions,
m operations, a appends, r reads, g lists, f places (all lists one after another), k keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from checkers import kernels
from harness.history import KIND_CODE, SCALAR, History, Status

__all__ = ["Observations", "expand", "observe"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_READ, _APPEND = KIND_CODE["r"], KIND_CODE["append"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Observations:
    """The columns that all further judging is made from. -1 stands for none throughout."""

    history: History
    op_row: Ints  # (m,) the transaction of each operation
    op_size: Ints  # (m,) op_length with None read as the empty list, -1 where no list is known
    included: Bools  # (n,) OK, and UNKNOWN with a write that an included one read
    append_op: Ints  # (a,) ascending by (key, element)
    append_row: Ints  # (a,)
    append_key: Ints  # (a,)
    repeated_append: int  # an append_op whose element was appended to its key before, or -1
    list_key: Ints  # (g,)
    list_first: Ints  # (g,) the list's first place
    list_size: Ints  # (g,)
    place_element: Ints  # (f,) number into History.values
    place_append: Ints  # (f,) the append that put it there, a number into append_op, -1 for nobody's
    place_repeated: Bools  # (f,) the element stands earlier in the same list already
    place_writer: Ints  # (f,) its included writer; -1 for a repeated, aborted or nobody's element
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
    def place_before(self) -> Ints:
        """(f,) the last place at or before this one that has an included writer, -1 if none in the list."""
        places = np.arange(len(self.place_writer))
        last = np.maximum.accumulate(np.where(self.place_writer >= 0, places, -1))
        return np.where(last >= self._place_first, last, -1)

    @cached_property
    def place_after(self) -> Ints:
        """(f,) the first place at or after this one that has an included writer, f if there is none at all."""
        f = len(self.place_writer)
        places = np.where(self.place_writer >= 0, np.arange(f), f)
        after: Ints = np.minimum.accumulate(places[::-1])[::-1]
        return after

    @cached_property
    def _place_first(self) -> Ints:
        return np.repeat(self.list_first, self.list_size)

    @cached_property
    def place_list(self) -> Ints:
        """(f,) the list a place belongs to."""
        return np.repeat(np.arange(len(self.list_size)), self.list_size)

    @cached_property
    def disputed(self) -> Bools:
        """(k,) keys of which two reads disagree on the order."""
        keys = np.zeros(len(self.order_list), dtype=bool)
        keys[self.read_key[self.read_reach < 0]] = True
        return keys

    @cached_property
    def append_place(self) -> Ints:
        """(a,) where an append stands in its key's order, -1 where that order does not show it."""
        place = np.full(len(self.append_op), -1, dtype=np.int64)
        known = self.order_list[self.order_list >= 0]
        sizes = self.order_size[self.order_list >= 0]
        places = expand(self.list_first[known], sizes)
        within = places - np.repeat(self.list_first[known], sizes)
        shown = (self.place_append[places] >= 0) & ~self.place_repeated[places]
        place[self.place_append[places[shown]]] = within[shown]
        return place


def expand(first: Ints, size: Ints) -> Ints:
    """The numbers first[i] .. first[i] + size[i] - 1 for every i, one after another."""
    starts = np.cumsum(size) - size
    return np.repeat(first - starts, size) + np.arange(int(size.sum()))


def observe(history: History) -> Observations:
    """Read a list-append history. Linear but for sorting; raises nothing: what is wrong is there to be seen."""
    op_row = np.repeat(np.arange(len(history), dtype=np.int64), np.diff(history.op_offset))
    op_size = _sizes(history)
    appends = _appends(history, op_row)
    lists = _lists(history, op_row, op_size, appends["code"])
    included = _included(history, op_row, op_size, appends["append_row"], lists)
    reads = _reads(op_row, history, op_size, included, lists)
    reads["read_distinct"] = _distinct(reads, lists)
    writer = (
        np.where(lists["place_append"] >= 0, appends["append_row"][lists["place_append"]], -1)
        if len(appends["append_row"])
        else np.full(len(lists["place_append"]), -1, dtype=np.int64)
    )
    writer[(writer >= 0) & ~included[writer]] = -1
    writer[lists["place_repeated"]] = -1
    order = _orders(len(history.keys), reads)
    reach = _reaches(reads, order, lists)
    appends.pop("code")
    lists.pop("op_list")
    return Observations(
        history=history,
        op_row=op_row,
        op_size=op_size,
        included=included,
        place_writer=writer,
        read_reach=reach,
        **appends,
        **lists,
        **reads,
        **order,
    )


def _sizes(history: History) -> Ints:
    size = history.op_length.astype(np.int64)
    none = next((number for number, value in enumerate(history.values) if value is None), -1)
    is_none = (size == SCALAR) & (history.op_value == none) & (history.op_kind == _READ)
    return np.where(is_none, 0, np.maximum(size, -1))


def _appends(history: History, op_row: Ints) -> dict[str, Any]:
    op = np.flatnonzero(history.op_kind == _APPEND)
    code = _code(history, history.op_key[op], history.op_value[op])
    order = np.argsort(code, kind="stable")
    op, code = op[order], code[order]
    again = np.flatnonzero(code[1:] == code[:-1])
    return {
        "code": code,
        "append_op": op,
        "append_row": op_row[op],
        "append_key": history.op_key[op].astype(np.int64),
        "repeated_append": int(op[again[0] + 1]) if len(again) else -1,
    }


def _code(history: History, key: npt.NDArray[Any], value: npt.NDArray[Any]) -> Ints:
    code: Ints = key.astype(np.int64) * max(len(history.values), 1) + value
    return code


def _lists(history: History, op_row: Ints, op_size: Ints, code: Ints) -> dict[str, Any]:
    status = history.status[op_row]
    op = np.flatnonzero((history.op_kind == _READ) & (op_size > 0) & (status != Status.ABORTED))
    name = history.op_value[op] * max(len(history.keys), 1) + history.op_key[op]
    names, first_use, op_list = np.unique(name, return_index=True, return_inverse=True)
    size = np.zeros(len(names), dtype=np.int64)
    np.maximum.at(size, op_list, op_size[op])
    key = history.op_key[op][first_use].astype(np.int64)
    element = history.elements[expand(history.op_value[op][first_use], size)].astype(np.int64)
    wanted = _code(history, np.repeat(key, size), element)
    at = np.minimum(np.searchsorted(code, wanted), max(len(code) - 1, 0))
    append = np.where(code[at] == wanted, at, -1) if len(code) else np.full(len(wanted), -1, dtype=np.int64)
    of_op = np.full(len(op_size), -1, dtype=np.int64)
    of_op[op] = op_list
    return {
        "op_list": of_op,
        "list_key": key,
        "list_first": np.cumsum(size) - size,
        "list_size": size,
        "place_element": element,
        "place_append": append,
        "place_repeated": _repeated(size, element),
    }


def _repeated(size: Ints, element: Ints) -> Bools:
    """Which places hold an element that their list holds already."""
    place_list = np.repeat(np.arange(len(size)), size)
    repeated = np.zeros(len(element), dtype=bool)
    order = np.lexsort((np.arange(len(element)), element, place_list))
    same = (element[order][1:] == element[order][:-1]) & (place_list[order][1:] == place_list[order][:-1])
    repeated[order[1:][same]] = True
    return repeated


def _included(history: History, op_row: Ints, op_size: Ints, append_row: Ints, lists: dict[str, Any]) -> Bools:
    """OK rows plus the least fixpoint of UNKNOWN rows of which an included row read a write."""
    included: Bools = history.status == Status.OK
    unknown = history.status == Status.UNKNOWN
    op = np.flatnonzero(lists["op_list"] >= 0)
    writer = np.where(lists["place_append"] >= 0, append_row[lists["place_append"]], -1) if len(append_row) else None
    while writer is not None and bool((unknown & ~included).any()):
        reading = op[included[op_row[op]]]
        seen = np.zeros(len(lists["list_size"]), dtype=np.int64)
        np.maximum.at(seen, lists["op_list"][reading], op_size[reading])
        writers = writer[expand(lists["list_first"], seen)]
        found = np.unique(writers[writers >= 0])
        found = found[unknown[found] & ~included[found]]
        if not len(found):
            break
        included[found] = True
    return included


def _reads(op_row: Ints, history: History, op_size: Ints, included: Bools, lists: dict[str, Any]) -> dict[str, Any]:
    op = np.flatnonzero((history.op_kind == _READ) & (op_size >= 0) & included[op_row])
    return {
        "read_op": op,
        "read_row": op_row[op],
        "read_key": history.op_key[op].astype(np.int64),
        "read_list": lists["op_list"][op],
        "read_size": op_size[op],
    }


def _distinct(reads: dict[str, Any], lists: dict[str, Any]) -> Ints:
    """How many elements of each read are no repetitions."""
    repeated = np.concatenate(([0], np.cumsum(lists["place_repeated"])))
    distinct: Ints = reads["read_size"].copy()
    full = reads["read_list"] >= 0
    first = lists["list_first"][reads["read_list"][full]]
    distinct[full] -= repeated[first + distinct[full]] - repeated[first]
    return distinct


def _orders(keys: int, reads: dict[str, Any]) -> dict[str, Any]:
    """Per key the longest list an included transaction read; of equal ones the first read's."""
    longest = np.zeros(keys, dtype=np.int64)
    np.maximum.at(longest, reads["read_key"], reads["read_distinct"])
    chosen = np.full(keys, -1, dtype=np.int64)
    size = np.zeros(keys, dtype=np.int64)
    # Backwards, so that the first of equally long reads is the one that stays.
    equal = (reads["read_distinct"] == longest[reads["read_key"]]) & (reads["read_size"] > 0)
    reading = np.flatnonzero(equal)[::-1]
    chosen[reads["read_key"][reading]] = reads["read_list"][reading]
    size[reads["read_key"][reading]] = reads["read_size"][reading]
    return {"order_list": chosen, "order_size": size}


def _reaches(reads: dict[str, Any], order: dict[str, Any], lists: dict[str, Any]) -> Ints:
    """How far each read reaches in its key's order; a list that shares the order's storage by its length."""
    reach: Ints = reads["read_size"].copy()
    of_key = order["order_list"][reads["read_key"]]
    # A read of the order's own list may only be longer by repetitions, which the order does without.
    reach = np.where(reads["read_list"] == of_key, np.minimum(reach, order["order_size"][reads["read_key"]]), reach)
    other = np.flatnonzero((reads["read_list"] != of_key) & (reads["read_size"] > 0))
    if len(other):
        reach[other] = kernels.match_prefixes(
            lists["list_first"][reads["read_list"][other]],
            reads["read_size"][other],
            lists["list_first"][of_key[other]],
            order["order_size"][reads["read_key"][other]],
            lists["place_element"],
            lists["place_repeated"],
        )
    return reach
