"""The loops of the list-append checker, in one source for both ways of running (see `checkers.compiling`).

All columns are those of `observations`, int32 where they hold numbers of rows, operations or places. Every index into
an array comes from a column that `History._check` has validated, or is compared with its bound here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "KERNELS",
    "agreement",
    "edges_along_orders",
    "edges_of_reads",
    "include_unknown",
    "index_places",
    "longest_reads",
    "name_lists",
    "neighbours",
    "place_appends",
    "sort_by_key",
]

KERNELS = (
    "sort_by_key",
    "name_lists",
    "index_places",
    "include_unknown",
    "neighbours",
    "longest_reads",
    "agreement",
    "place_appends",
    "edges_along_orders",
    "edges_of_reads",
)

Ints = npt.NDArray[Any]


def sort_by_key(chosen: Ints, op_key: Ints, keys: int) -> tuple[Ints, Ints]:
    """The chosen operations (a mask) by key, within a key as they come, and where each key begins (keys + 1,)."""
    first = np.zeros(keys + 1, np.int32)
    for i in range(len(chosen)):
        if chosen[i]:
            first[op_key[i] + 1] += 1
    for k in range(keys):
        first[k + 1] += first[k]
    following = first.copy()
    ops = np.empty(first[keys], np.int32)
    for i in range(len(chosen)):
        if chosen[i]:
            k = op_key[i]
            ops[following[k]] = i
            following[k] += 1
    return ops, first


def name_lists(
    reads: Ints, op_key: Ints, op_value: Ints, op_size: Ints, places: int
) -> tuple[Ints, Ints, Ints, Ints]:
    """Tell the lists that were read apart: each is one (key, place in `History.elements`).

    `reads` (r,) come by key. Returns the list of each read, and for each list its key, its place in
    `History.elements` and its greatest length read; lists come by key too.
    """
    known = np.full(places, -1, np.int32)
    read_list = np.empty(len(reads), np.int32)
    list_key = np.empty(len(reads), np.int32)
    list_place = np.empty(len(reads), np.int64)
    list_size = np.empty(len(reads), np.int32)
    lists = first_of_key = 0
    for i in range(len(reads)):
        op = reads[i]
        if lists > 0 and list_key[lists - 1] != op_key[op]:
            first_of_key = lists
        place = op_value[op]
        named = known[place]
        # What `known` holds from an earlier key lies before `first_of_key`.
        if named < first_of_key:
            named = lists
            known[place] = named
            list_key[named] = op_key[op]
            list_place[named] = place
            list_size[named] = 0
            lists += 1
        read_list[i] = named
        list_size[named] = max(list_size[named], op_size[op])
    return read_list, list_key[:lists].copy(), list_place[:lists].copy(), list_size[:lists].copy()


def index_places(
    list_key: Ints,
    list_place: Ints,
    list_first: Ints,
    elements: Ints,
    append_first: Ints,
    appended: Ints,
    values: int,
) -> tuple[Ints, Ints, Ints, int]:
    """What stands at each place (f,) of the lists, put one after another: `list_first` (g + 1,) are their bounds.

    `appended` (a,) are the elements of the appends, which come by key as `append_first` (k + 1,) says. Returns the
    element of each place, the append that put it there (-1 for nobody's), whether the list holds it already, and an
    append whose element was appended to its key before, or -1.
    """
    f = list_first[len(list_key)]
    place_element = np.empty(f, np.int32)
    place_append = np.empty(f, np.int32)
    place_repeated = np.zeros(f, np.bool_)
    append_of = np.full(values, -1, np.int32)  # By element; from an earlier key it lies before this key's first.
    holder = np.full(values, -1, np.int32)  # By element: the last list that holds it.
    again = -1
    one = 0
    for k in range(len(append_first) - 1):
        begin = append_first[k]
        for a in range(begin, append_first[k + 1]):
            if append_of[appended[a]] < begin:
                append_of[appended[a]] = a
            elif again < 0:
                again = a
        while one < len(list_key) and list_key[one] == k:
            for p in range(list_first[one], list_first[one + 1]):
                element = elements[list_place[one] + p - list_first[one]]
                place_element[p] = element
                place_append[p] = -1
                if element < values:
                    if append_of[element] >= begin:
                        place_append[p] = append_of[element]
                    place_repeated[p] = holder[element] == one
                    holder[element] = one
            one += 1
    return place_element, place_append, place_repeated, again


def include_unknown(
    op_offset: Ints, op_list: Ints, op_size: Ints, list_first: Ints, place_row: Ints, unknown: Ints, included: Ints
) -> None:
    """Add to `included` (n,) the least fixpoint of `unknown` rows of which an included row read an append.

    `op_list` (m,) is the list that an operation read or -1, `place_row` (f,) the row that appended a place or -1.
    Each place is looked at once: what was followed of a list is kept as its length.
    """
    n = len(included)
    followed = np.zeros(len(list_first) - 1, np.int32)
    waiting = np.empty(n, np.int32)
    count = 0
    for row in range(n):
        if included[row]:
            waiting[count] = row
            count += 1
    while count > 0:
        count -= 1
        row = waiting[count]
        for op in range(op_offset[row], op_offset[row + 1]):
            one = op_list[op]
            if one < 0:
                continue
            for p in range(list_first[one] + followed[one], list_first[one] + op_size[op]):
                writer = place_row[p]
                if writer >= 0 and unknown[writer] and not included[writer]:
                    included[writer] = True
                    waiting[count] = writer
                    count += 1
            followed[one] = max(followed[one], op_size[op])


def neighbours(list_first: Ints, place_writer: Ints) -> tuple[Ints, Ints]:
    """For each place (f,) the last place of its list at or before it that has a writer, and the first at or after.

    -1 where there is none before, f where there is none after.
    """
    f = len(place_writer)
    before = np.empty(f, np.int32)
    after = np.empty(f, np.int32)
    for one in range(len(list_first) - 1):
        last = -1
        for p in range(list_first[one], list_first[one + 1]):
            if place_writer[p] >= 0:
                last = p
            before[p] = last
        last = f
        for p in range(list_first[one + 1] - 1, list_first[one] - 1, -1):
            if place_writer[p] >= 0:
                last = p
            after[p] = last
    return before, after


def longest_reads(read_key: Ints, read_list: Ints, read_size: Ints, distinct: Ints, keys: int) -> tuple[Ints, Ints]:
    """Per key the list and length of the read with the most distinct elements, the first of equal ones; or -1, 0."""
    longest = np.zeros(keys, np.int32)
    order_list = np.full(keys, -1, np.int32)
    order_size = np.zeros(keys, np.int32)
    for i in range(len(read_key)):
        k = read_key[i]
        if distinct[i] > longest[k]:
            longest[k] = distinct[i]
            order_list[k] = read_list[i]
            order_size[k] = read_size[i]
    return order_list, order_size


def agreement(
    list_key: Ints, list_first: Ints, order_list: Ints, order_size: Ints, element: Ints, repeated: Ints
) -> Ints:
    """For each place (f,) how far a read up to it reaches in its key's order, or -1 where it contradicts the order.

    Places marked in `repeated` are skipped on both sides; the answer counts places of the order, skipped ones
    included.
    """
    reach = np.full(len(element), -1, np.int32)
    for one in range(len(list_key)):
        k = list_key[one]
        order = order_list[k]
        if order < 0:
            continue
        first = list_first[order]
        end = first + order_size[k]
        at = first
        for p in range(list_first[one], list_first[one + 1]):
            if one == order:
                at = min(p + 1, end)
            elif not repeated[p]:
                while at < end and repeated[at]:
                    at += 1
                if at >= end or element[at] != element[p]:
                    break
                at += 1
            reach[p] = at - first
    return reach


def place_appends(
    order_list: Ints, order_size: Ints, list_first: Ints, place_append: Ints, repeated: Ints, appends: int
) -> Ints:
    """Where each append (a,) stands in its key's order, -1 where that order does not show it."""
    place = np.full(appends, -1, np.int32)
    for k in range(len(order_list)):
        if order_list[k] >= 0:
            first = list_first[order_list[k]]
            for p in range(first, first + order_size[k]):
                if place_append[p] >= 0 and not repeated[p]:
                    place[place_append[p]] = p - first
    return place


def edges_along_orders(
    order_list: Ints,
    order_size: Ints,
    list_first: Ints,
    place_writer: Ints,
    place_append: Ints,
    out: Ints,
    mark: Ints,
) -> int:
    """ww: from the writer of each place of an order to the writer of the next place that has one.

    Fills `out` (2, ...) with sources and targets and `mark` with the later append; returns how many.
    """
    count = 0
    for k in range(len(order_list)):
        if order_list[k] < 0:
            continue
        first = list_first[order_list[k]]
        writer = -1
        for p in range(first, first + order_size[k]):
            following = place_writer[p]
            if following < 0:
                continue
            if writer >= 0 and writer != following:
                out[0, count] = writer
                out[1, count] = following
                mark[count] = place_append[p]
                count += 1
            writer = following
    return count


def edges_of_reads(
    read_row: Ints,
    read_key: Ints,
    read_list: Ints,
    read_size: Ints,
    read_reach: Ints,
    order_list: Ints,
    order_size: Ints,
    list_first: Ints,
    before: Ints,
    after: Ints,
    place_writer: Ints,
    wr: Ints,
    wr_read: Ints,
    rw: Ints,
    rw_read: Ints,
) -> tuple[int, int, Ints]:
    """wr into and rw out of every read (r,) that did not end with the reader's own append.

    Fills `wr` and `rw` (2, ...) with sources and targets, `wr_read` and `rw_read` with the reads; returns how many of
    each, and which reads (r,) reached the end of their key's order: an append that no read shows follows them.
    """
    whole = np.zeros(len(read_row), np.bool_)
    wrs = rws = 0
    for i in range(len(read_row)):
        reader = read_row[i]
        writer = -1
        if read_size[i] > 0:
            last = before[list_first[read_list[i]] + read_size[i] - 1]
            writer = place_writer[last] if last >= 0 else -1
        if writer == reader:
            continue
        if writer >= 0:
            wr[0, wrs] = writer
            wr[1, wrs] = reader
            wr_read[wrs] = i
            wrs += 1
        if read_reach[i] < 0:
            continue
        k = read_key[i]
        if order_list[k] < 0:
            whole[i] = True
            continue
        first = list_first[order_list[k]]
        end = first + order_size[k]
        p = first + read_reach[i]
        following = after[p] if p < end else end
        if following >= end:
            whole[i] = True
        elif place_writer[following] != reader:
            rw[0, rws] = reader
            rw[1, rws] = place_writer[following]
            rw_read[rws] = i
            rws += 1
    return wrs, rws, whole
