"""The loops behind `checkers.lists.phenomena`, in one source for both ways of running (see `checkers.compiling`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ABSENT", "KERNELS", "earliest_missing", "late_reads", "walk_transactions"]

KERNELS = ("walk_transactions", "earliest_missing", "late_reads")

Ints = npt.NDArray[Any]

ABSENT = 2**31 - 1  # Greater than every place.


def walk_transactions(
    op_offset: Ints,
    is_read: Ints,
    is_append: Ints,
    op_key: Ints,
    first: Ints,
    size: Ints,
    element: Ints,
    place: Ints,
    included: Ints,
    keys: int,
) -> tuple[Ints, Ints, Ints, Ints]:
    """What the operations of each included transaction on one key say of one another (m operations).

    A read i saw `element[first[i]:first[i] + size[i]]` (size -1: unknown); an append i added `element`-number
    `first[i]`, found at `place[i]` of its key's order or -1. Returns, per operation: the reads that contradict what
    came before in the transaction; for reads the least place of an append that the transaction has yet to make, -1 if
    it makes none (the greatest number if only appends without a place); for each transaction's first append to a key
    the last read before it, -1 for none; and the appends that are the transaction's last to their key. In linear
    time, but for reads of different copies of a list.
    """
    m = len(op_key)
    contradicts = np.zeros(m, np.bool_)
    yet_to_come = np.full(m, -1, np.int32)
    updated_read = np.full(m, -1, np.int32)
    is_last = np.zeros(m, np.bool_)
    before = np.full(m, -1, np.int32)
    # By key. What the first two hold from an earlier transaction lies before `begin`.
    latest = np.full(keys, -1, np.int64)
    last_read = np.full(keys, -1, np.int64)
    appended = np.full(keys, -1, np.int64)  # The last transaction that appended.
    soonest = np.full(keys, -1, np.int64)
    for row in range(len(op_offset) - 1):
        if not included[row]:
            continue
        begin, end = op_offset[row], op_offset[row + 1]
        for i in range(begin, end):
            k = op_key[i]
            before[i] = latest[k] if latest[k] >= begin else -1
            latest[k] = i
            if is_append[i] and appended[k] != row:
                updated_read[i] = last_read[k] if last_read[k] >= begin else -1
                appended[k] = row
            if not (is_read[i] and size[i] >= 0):
                continue
            last_read[k] = i
            at, own, j = first[i] + size[i], 0, before[i]
            while j >= 0 and not contradicts[i] and not (is_read[j] and size[j] >= 0):
                if is_append[j]:
                    own += 1
                    at -= 1
                    contradicts[i] = own > size[i] or element[at] != first[j]
                j = before[j]
            if contradicts[i] or j < 0:
                continue
            if size[i] != size[j] + own:
                contradicts[i] = True
            elif first[i] != first[j]:
                seen, known = element[first[i] : first[i] + size[j]], element[first[j] : first[j] + size[j]]
                contradicts[i] = (seen != known).any()
        for i in range(end - 1, begin - 1, -1):
            k = op_key[i]
            if is_append[i]:
                is_last[i] = latest[k] >= begin
                least = ABSENT if is_last[i] else soonest[k]
                soonest[k] = min(least, place[i]) if place[i] >= 0 else least
                latest[k] = -1
            elif is_read[i] and latest[k] < 0:
                yet_to_come[i] = soonest[k]
    return contradicts, yet_to_come, updated_read, is_last


def earliest_missing(
    order_list: Ints,
    order_size: Ints,
    list_first: Ints,
    place_append: Ints,
    append_place: Ints,
    append_key: Ints,
    append_row: Ints,
    ok: Ints,
    end: Ints,
) -> tuple[Ints, Ints]:
    """Of the `ok` rows' appends that a read may miss, the one that ended first, -1 for none.

    For each place of an order (f,), of what a read that stops before it misses; for each key (k,), of what a read of
    the whole order misses.
    """
    unseen = np.full(len(order_list), -1, np.int32)
    for a in range(len(append_key)):
        k = append_key[a]
        if append_place[a] >= 0 or not ok[append_row[a]]:
            continue
        if unseen[k] < 0 or end[append_row[a]] < end[append_row[unseen[k]]]:
            unseen[k] = a
    missing = np.full(len(place_append), -1, np.int32)
    for k in range(len(order_list)):
        if order_list[k] < 0:
            continue
        first = list_first[order_list[k]]
        earliest = unseen[k]
        for p in range(first + order_size[k] - 1, first - 1, -1):
            a = place_append[p]
            # A repeated element was appended further in front.
            counts = a >= 0 and append_place[a] == p - first and ok[append_row[a]]
            if counts and (earliest < 0 or end[append_row[a]] < end[append_row[earliest]]):
                earliest = a
            missing[p] = earliest
    return missing, unseen


def late_reads(
    read_row: Ints,
    read_key: Ints,
    read_reach: Ints,
    order_list: Ints,
    order_size: Ints,
    list_first: Ints,
    missing: Ints,
    unseen: Ints,
    append_row: Ints,
    start: Ints,
    end: Ints,
) -> tuple[int, int, int]:
    """How many reads began after an append that they miss had ended, the first of them, and that append, or -1."""
    count = 0
    read = append = -1
    for i in range(len(read_row)):
        k = read_key[i]
        if read_reach[i] < 0:
            continue
        missed = unseen[k]
        if read_reach[i] < order_size[k]:
            missed = missing[list_first[order_list[k]] + read_reach[i]]
        if missed >= 0 and end[append_row[missed]] < start[read_row[i]]:
            count += 1
            if read < 0:
                read, append = i, missed
    return count, read, append
