"""The loops behind `checkers.phenomena`, in one source for both ways of running (see `checkers.compiling`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["KERNELS", "earliest_missing", "late_reads", "walk_transactions"]

KERNELS = ("walk_transactions", "earliest_missing", "late_reads")

Ints = npt.NDArray[Any]


def walk_transactions(
    op_offset: Ints,
    is_read: Ints,
    is_append: Ints,
    op_key: Ints,
    first: Ints,
    size: Ints,
    element: Ints,
    place: Ints,
    in_order: Ints,
    included: Ints,
    keys: int,
) -> tuple[Ints, Ints, Ints, Ints]:
    """What each transaction's own operations on one key say of one another (m operations).

    A read i saw `element[first[i]:first[i] + size[i]]` (size -1: unknown); an append i added `element`-number
    `first[i]`, found at `place[i]` of its key's order or -1; `in_order[i]` marks reads that saw a beginning of
    that order. Returns, per operation: the reads that contradict what came before in the transaction, the reads
    that saw an append yet to come, for each transaction's first append to a key the last read before it (-1 for
    none), and the appends that are the transaction's last to their key.
    """
    m = len(op_key)
    contradicts = np.zeros(m, np.bool_)
    foresees = np.zeros(m, np.bool_)
    updated_read = np.full(m, -1, np.int32)
    is_last = np.zeros(m, np.bool_)
    before = np.full(m, -1, np.int32)
    latest = np.full(keys, -1, np.int64)
    for row in range(len(op_offset) - 1):
        begin, end = op_offset[row], op_offset[row + 1]
        for i in range(begin, end):
            k = op_key[i]
            # What `latest` holds from an earlier transaction lies before `begin`.
            before[i] = latest[k] if latest[k] >= begin else -1
            latest[k] = i
        for i in range(end - 1, begin - 1, -1):
            k = op_key[i]
            if is_append[i] and latest[k] >= begin:
                is_last[i] = True
                latest[k] = -1
        if not included[row]:
            continue
        for i in range(begin, end):
            if before[i] < 0:
                continue
            if is_read[i] and size[i] >= 0:
                at = first[i] + size[i]
                own = 0
                j = before[i]
                while j >= 0 and not (is_read[j] and size[j] >= 0):
                    if is_append[j]:
                        own += 1
                        at -= 1
                        if own > size[i] or element[at] != first[j]:
                            contradicts[i] = True
                    j = before[j]
                    if contradicts[i]:
                        break
                if not contradicts[i] and j >= 0:
                    if size[i] != size[j] + own:
                        contradicts[i] = True
                    elif first[i] != first[j]:
                        for d in range(size[j]):
                            if element[first[i] + d] != element[first[j] + d]:
                                contradicts[i] = True
                                break
            elif is_append[i]:
                earlier = -1
                appended = False
                j = before[i]
                while j >= 0:
                    if is_append[j]:
                        appended = True
                    elif is_read[j] and size[j] >= 0:
                        if earlier < 0:
                            earlier = j
                        if in_order[j]:
                            if 0 <= place[i] < size[j]:
                                foresees[j] = True
                        else:
                            for d in range(size[j]):
                                if element[first[j] + d] == first[i]:
                                    foresees[j] = True
                                    break
                    j = before[j]
                if not appended:
                    updated_read[i] = earlier
    return contradicts, foresees, updated_read, is_last


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
