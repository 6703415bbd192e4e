"""The loops of this package that numpy cannot express, in one source for both ways of running.

`checkers.compiling` says how. Callers go through the module (`kernels.walk(...)`), and no kernel calls another.
Kernels whose output has an unknown size count in a first turn and fill in a second.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "COMPILE_ABOVE_OPS",
    "KERNELS",
    "common_keys",
    "grouped",
    "in_real_time",
    "in_session",
    "latest_two",
    "once",
    "sources",
    "walk",
    "writers",
    "zones",
]

COMPILE_ABOVE_OPS = 20_000

KERNELS = (
    "walk",
    "grouped",
    "once",
    "writers",
    "sources",
    "common_keys",
    "in_session",
    "zones",
    "latest_two",
    "in_real_time",
)

Ints = npt.NDArray[Any]


def walk(first: Ints, key: Ints, is_write: Ints, keys: int) -> tuple[Ints, Ints, Ints]:
    """What a transaction's accesses say of one another: those of row i are first[i]:first[i + 1] of (a,).

    Returns, per access: the transaction's access to the same key before it (-1: none), whether the transaction
    had written the key before it, and whether it is the transaction's last write of the key.
    """
    before = np.full(len(key), -1, np.int64)
    written = np.zeros(len(key), np.bool_)
    last = np.zeros(len(key), np.bool_)
    latest = np.full(keys, -1, np.int64)
    for row in range(len(first) - 1):
        begin, end = first[row], first[row + 1]
        for i in range(begin, end):
            k = key[i]
            # What `latest` holds from an earlier transaction lies before `begin`.
            if latest[k] >= begin:
                before[i] = latest[k]
                written[i] = written[latest[k]] or is_write[latest[k]]
            latest[k] = i
        for i in range(end - 1, begin - 1, -1):
            if is_write[i] and latest[key[i]] >= begin:
                last[i] = True
                latest[key[i]] = -1
    return before, written, last


def grouped(number: Ints, numbers: int) -> tuple[Ints, Ints]:
    """Counting sort: (first, order), of which order[first[x]:first[x + 1]] are the places of x, ascending."""
    first = np.zeros(numbers + 1, np.int64)
    for i in range(len(number)):
        first[number[i] + 1] += 1
    for x in range(numbers):
        first[x + 1] += first[x]
    at = first.copy()
    order = np.empty(len(number), np.int64)
    for i in range(len(number)):
        order[at[number[i]]] = i
        at[number[i]] += 1
    return first, order


def once(first: Ints, order: Ints, before: Ints, rank: Ints, versions: int) -> Ints:
    """Of pairs (before, after), `grouped` by `after`, mark of each the first one that has the least rank."""
    kept = np.zeros(len(order), np.bool_)
    best = np.full(versions, -1, np.int64)
    for x in range(len(first) - 1):
        for at in range(first[x], first[x + 1]):
            i = order[at]
            if best[before[i]] < 0 or rank[i] < rank[best[before[i]]]:
                best[before[i]] = i
        for at in range(first[x], first[x + 1]):
            i = order[at]
            if best[before[i]] >= 0:
                kept[best[before[i]]] = True
                best[before[i]] = -1
    return kept


def writers(first: Ints, order: Ints, value: Ints, write: Ints, values: int) -> tuple[Ints, Ints]:
    """For each read (a,) the first write of its value to its key, -1 for none; and the writes of a value once more.

    The accesses of key k are order[first[k]:first[k + 1]]; those with a value below 0 are passed over.
    """
    found = np.full(len(order), -1, np.int64)
    again = np.zeros(len(order), np.bool_)
    writer = np.full(values, -1, np.int64)
    for k in range(len(first) - 1):
        for at in range(first[k], first[k + 1]):
            i = order[at]
            if write[i] and value[i] >= 0:
                if writer[value[i]] >= 0:
                    again[i] = True
                else:
                    writer[value[i]] = i
        for at in range(first[k], first[k + 1]):
            i = order[at]
            if not write[i] and value[i] >= 0:
                found[i] = writer[value[i]]
        for at in range(first[k], first[k + 1]):
            i = order[at]
            if value[i] >= 0:
                writer[value[i]] = -1
    return found, again


def sources(writer: Ints, reader: Ints, rows: int) -> Ints:
    """The places (ascending) of the first read of each reader from each writer that is known (>= 0).

    Reads come in the order of their readers.
    """
    latest = np.full(rows, -1, np.int64)
    place = np.empty(len(writer), np.int64)
    found = 0
    for i in range(len(writer)):
        if writer[i] >= 0 and latest[writer[i]] != reader[i]:
            latest[writer[i]] = reader[i]
            place[found] = i
            found += 1
    return place[:found]


def in_session(
    first: Ints, order: Ints, row: Ints, wrote: Ints, client: Ints, acknowledged: Ints, clients: int
) -> Ints:
    """For each use of a key the last use of it by the last earlier transaction of the same client, -1 for none.

    The uses of key k are order[first[k]:first[k + 1]], by row and within a row what it read before what it `wrote`;
    `client` and `acknowledged` are by row. Nothing comes after a transaction that was not acknowledged, and nothing
    before a write by who had read the key: that read stands between.
    """
    earlier = np.full(len(order), -1, np.int64)
    last = np.full(clients, -1, np.int64)
    before_last = np.full(clients, -1, np.int64)  # The last use in an earlier row than that of `last`.
    for k in range(len(first) - 1):
        for at in range(first[k], first[k + 1]):
            i = order[at]
            c = client[row[i]]
            if last[c] >= 0 and row[last[c]] != row[i] and acknowledged[row[last[c]]]:
                before_last[c] = last[c]
            if not wrote[i] or last[c] < 0 or row[last[c]] != row[i]:
                earlier[i] = before_last[c]
            last[c] = i
        for at in range(first[k], first[k + 1]):
            c = client[row[order[at]]]
            last[c] = before_last[c] = -1
    return earlier


def common_keys(
    source: Ints,
    target: Ints,
    first_install: Ints,
    install_key: Ints,
    first_read: Ints,
    read_key: Ints,
) -> tuple[Ints, Ints, Ints]:
    """For each pair (source[i], target[i]) of rows the keys that the first wrote and the second read or wrote.

    Installs and reads of row i are first[i]:first[i + 1], in ascending order of keys. Returns (pair, install of
    the source, place): place >= 0 is a read of the target, below that an install, as -1 - number. Of every two
    lists the shorter one is walked and the longer one searched.
    """
    found = 0
    pair = np.empty(0, np.int64)
    install = np.empty(0, np.int64)
    place = np.empty(0, np.int64)
    for turn in range(2):
        if turn == 1:
            pair = np.empty(found, np.int64)
            install = np.empty(found, np.int64)
            place = np.empty(found, np.int64)
        found = 0
        for i in range(len(source)):
            begin, end = first_install[source[i]], first_install[source[i] + 1]
            for side in range(2):
                keys = read_key if side == 0 else install_key
                low = first_read[target[i]] if side == 0 else first_install[target[i]]
                high = first_read[target[i] + 1] if side == 0 else first_install[target[i] + 1]
                walks_source = end - begin < high - low
                walked_from, walked_to = (begin, end) if walks_source else (low, high)
                for at in range(walked_from, walked_to):
                    k = install_key[at] if walks_source else keys[at]
                    left, right = (low, high) if walks_source else (begin, end)
                    while left < right:
                        middle = (left + right) // 2
                        if (keys[middle] if walks_source else install_key[middle]) < k:
                            left = middle + 1
                        else:
                            right = middle
                    limit = high if walks_source else end
                    while left < limit and (keys[left] if walks_source else install_key[left]) == k:
                        if turn == 1:
                            other = left if walks_source else at
                            pair[found] = i
                            install[found] = at if walks_source else left
                            place[found] = other if side == 0 else -1 - other
                        found += 1
                        left += 1
    return pair, install, place


def zones(version: Ints, row: Ints, start: Ints, end: Ints, ended: Ints, versions: int) -> tuple[Ints, Ints]:
    """For each version the row whose access of it ended first, and the one whose access began last (versions,).

    Access i is by `row[i]`; only rows with `ended[row]` count for the first; -1 where there is none.
    """
    first = np.full(versions, -1, np.int64)
    last = np.full(versions, -1, np.int64)
    for i in range(len(version)):
        v, one = version[i], row[i]
        if ended[one] and (first[v] < 0 or end[one] < end[first[v]]):
            first[v] = one
        if last[v] < 0 or start[one] > start[last[v]]:
            last[v] = one
    return first, last


def latest_two(key: Ints, last_start: Ints) -> tuple[Ints, Ints]:
    """For each place of columns (v,) grouped by key, of those of its key up to there: the place with the latest start
    and the one with the second latest (-1: none)."""
    latest = np.full(len(key), -1, np.int64)
    second = np.full(len(key), -1, np.int64)
    one = two = -1
    for i in range(len(key)):
        if i > 0 and key[i] != key[i - 1]:
            one = two = -1
        if one < 0 or last_start[i] > last_start[one]:
            one, two = i, one
        elif two < 0 or last_start[i] > last_start[two]:
            two = i
        latest[i], second[i] = one, two
    return latest, second


def in_real_time(
    begin: Ints, end: Ints, first_end: Ints, last_start: Ints, latest: Ints, second: Ints
) -> tuple[Ints, Ints]:
    """Pairs (before, after) of versions of one key of which the first was over before the second was last used.

    Columns (v,) are in ascending order of (key, first_end), those with the key of place i at begin[i]:end[i]. A
    version precedes another if its first access ended before the other's last one began. Of all these pairs enough
    are returned that the others follow from them, where no two precede each other: of those that precede a version
    the one that was used last, and those that do not precede that one.
    """
    before = np.empty(0, np.int64)
    after = np.empty(0, np.int64)
    found = 0
    for turn in range(2):
        if turn == 1:
            before = np.empty(found, np.int64)
            after = np.empty(found, np.int64)
        found = 0
        for i in range(len(begin)):
            bound = begin[i] + np.searchsorted(first_end[begin[i] : end[i]], last_start[i])
            if bound == begin[i]:
                continue
            chosen = second[bound - 1] if latest[bound - 1] == i else latest[bound - 1]
            if chosen < 0:
                continue
            from_here = begin[i] + np.searchsorted(first_end[begin[i] : end[i]], last_start[chosen])
            for step in range(max(bound - from_here, 0) + 1):
                one = chosen if step == 0 else from_here + step - 1
                if one == i or (one == chosen and step > 0):
                    continue
                if turn == 1:
                    before[found], after[found] = one, i
                found += 1
    return before, after
