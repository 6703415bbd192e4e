"""The loops of the weak levels, in one source for both ways of running (see `checkers.compiling`).

Transactions are rows 0 to n - 1. The reads of row t are read_first[t]:read_first[t + 1] in the order they were made,
each of a key from a writer (a row, or -1 for the version before the first write); the keys that it writes are
write_first[t]:write_first[t + 1], ascending. A forced edge is a pair (seen, read): the transaction of that read had
to see what row `seen` wrote to its key and did not, so `seen` precedes the writer of the read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "KERNELS",
    "Ints",
    "advance_clocks",
    "causal_way",
    "force_by_clocks",
    "fractured",
    "group",
    "missed_causes",
    "peel",
    "reach",
    "shortest_cycle",
    "vanishing",
]

KERNELS = (
    "group",
    "peel",
    "vanishing",
    "fractured",
    "advance_clocks",
    "force_by_clocks",
    "reach",
    "missed_causes",
    "causal_way",
    "shortest_cycle",
)

Ints = npt.NDArray[Any]


def group(number: Ints, groups: int) -> tuple[Ints, Ints]:
    """(first, order): the places of group g are order[first[g]:first[g + 1]], ascending. One pass of counting."""
    first = np.zeros(groups + 2, np.int64)
    for i in range(len(number)):
        first[number[i] + 2] += 1
    for g in range(2, groups + 2):
        first[g] += first[g - 1]
    order = np.empty(len(number), np.int32)
    for i in range(len(number)):
        order[first[number[i] + 1]] = i
        first[number[i] + 1] += 1
    return first[: groups + 1], order


def peel(read_first: Ints, read_writer: Ints, previous: Ints, before_first: Ints, before: Ints) -> tuple[Ints, int]:
    """Kahn's algorithm from the end, over reads, sessions and further edges. Returns (order, taken).

    Row t comes behind the writers of its reads, behind previous[t] unless that is -1, and behind the rows
    before[before_first[t]:before_first[t + 1]]. The last `taken` places of `order` (n,) are all rows from which no
    cycle is reached, each behind those of them that it comes behind.
    """
    n = len(previous)
    waiting = np.zeros(n, np.int32)
    for i in range(len(read_writer)):
        if read_writer[i] >= 0:
            waiting[read_writer[i]] += 1
    for t in range(n):
        if previous[t] >= 0:
            waiting[previous[t]] += 1
    for i in range(len(before)):
        waiting[before[i]] += 1
    order = np.empty(n, np.int32)
    place = n
    for t in range(n):
        if waiting[t] == 0:
            place -= 1
            order[place] = t
    at = n
    while at > place:
        at -= 1
        t = order[at]
        for i in range(read_first[t], read_first[t + 1]):
            u = read_writer[i]
            if u >= 0:
                waiting[u] -= 1
                if waiting[u] == 0:
                    place -= 1
                    order[place] = u
        for i in range(before_first[t], before_first[t + 1]):
            u = before[i]
            waiting[u] -= 1
            if waiting[u] == 0:
                place -= 1
                order[place] = u
        u = previous[t]
        if u >= 0:
            waiting[u] -= 1
            if waiting[u] == 0:
                place -= 1
                order[place] = u
    return order, n - place


def vanishing(
    read_first: Ints, read_key: Ints, read_writer: Ints, read_op: Ints, write_first: Ints, write_key: Ints, keys: int
) -> tuple[Ints, Ints]:
    """Forced edges (seen, read) of read committed: `seen` was read from by an earlier operation than `read`.

    Of the reads behind the first one from `seen`, the next of each key is enough: what comes behind that follows
    from neighbouring reads of one key. The smaller of both sets is walked (AWDIT, PLDI 2025: n ** 1.5).
    """
    seen, reads, count = np.empty(1024, np.int32), np.empty(1024, np.int32), 0
    later = np.full(keys, -1, np.int64)  # The next read of each key behind the operation at hand.
    met = np.full(len(read_first), -1, np.int64)  # The first read from each writer by the reader at hand.
    for t in range(len(read_first) - 1):
        begin, end = read_first[t], read_first[t + 1]
        for i in range(end - 1, begin - 1, -1):
            if read_writer[i] >= 0:
                met[read_writer[i]] = i
        last = end - 1
        while last >= begin:
            i = last
            while i >= begin and read_op[i] == read_op[last]:
                w = read_writer[i]
                if count + end - begin >= len(seen):
                    seen = np.concatenate((seen, np.empty(len(seen) + end - begin, np.int32)))
                    reads = np.concatenate((reads, np.empty(len(seen) - len(reads), np.int32)))
                k = later[read_key[i]]
                if w >= 0 and k >= begin and read_writer[k] != w:
                    seen[count], reads[count] = w, k
                    count += 1
                if w >= 0 and met[w] == i:
                    low, high = write_first[w], write_first[w + 1]
                    few = high - low <= end - 1 - last
                    for j in range(low if few else last + 1, high if few else end):
                        k = later[write_key[j] if few else read_key[j]]
                        if k < begin or read_writer[k] == w or not (few or k == j):
                            continue
                        if not few:
                            at = low + np.searchsorted(write_key[low:high], read_key[j])
                            if at == high or write_key[at] != read_key[j]:
                                continue
                        seen[count], reads[count] = w, k
                        count += 1
                i -= 1
            for j in range(i + 1, last + 1):
                later[read_key[j]] = j
            last = i
    return seen[:count].copy(), reads[:count].copy()


def fractured(
    read_first: Ints,
    read_key: Ints,
    read_writer: Ints,
    write_first: Ints,
    write_key: Ints,
    sequence: Ints,
    begins: Ints,
    leads: Ints,
    keys: int,
) -> tuple[Ints, Ints]:
    """Forced edges (seen, read) of read atomic: the reader read from `seen`, or comes behind it in its session.

    `sequence` are rows session by session; `begins` marks those places of it where one begins, `leads` rows that
    precede the rest of their session. Of a session's earlier writers of a key the last is enough. Reads of one key
    from two writers force both ways. The smaller of both sets is walked (AWDIT, PLDI 2025: n ** 1.5).
    """
    seen, reads, count = np.empty(1024, np.int32), np.empty(1024, np.int32), 0
    slot = np.full(keys, -1, np.int64)  # The first read of each key by the reader at hand.
    latest = np.full(keys, -1, np.int64)  # The last place in the session that writes each key.
    met = np.full(len(read_first), -1, np.int64)  # The first read from each writer by the reader at hand.
    session = 0
    for p in range(len(sequence)):
        t = sequence[p]
        session = p if begins[p] else session
        begin, end = read_first[t], read_first[t + 1]
        for i in range(begin, end):
            k = slot[read_key[i]]
            if k < begin or k >= i:
                slot[read_key[i]] = i
        for i in range(begin, end):
            if count + 3 + end - begin >= len(seen):
                seen = np.concatenate((seen, np.empty(len(seen) + end - begin, np.int32)))
                reads = np.concatenate((reads, np.empty(len(seen) - len(reads), np.int32)))
            k, w, at = slot[read_key[i]], read_writer[i], latest[read_key[i]]
            if w != read_writer[k]:
                for one, read in ((w, k), (read_writer[k], i)):
                    if one >= 0:
                        seen[count], reads[count] = one, read
                        count += 1
            if at >= session and sequence[at] != w:
                seen[count], reads[count] = sequence[at], i
                count += 1
            if w < 0 or (begin <= met[w] < i):
                continue
            met[w] = i
            low, high = write_first[w], write_first[w + 1]
            few = high - low <= end - begin
            for j in range(low if few else begin, high if few else end):
                k = slot[write_key[j] if few else read_key[j]]
                if k < begin or k >= end or read_writer[k] == w or not (few or k == j):
                    continue
                if not few:
                    at = low + np.searchsorted(write_key[low:high], read_key[j])
                    if at == high or write_key[at] != read_key[j]:
                        continue
                seen[count], reads[count] = w, k
                count += 1
        if leads[t]:
            for j in range(write_first[t], write_first[t + 1]):
                latest[write_key[j]] = p
    return seen[:count].copy(), reads[:count].copy()


def advance_clocks(
    order: Ints,
    read_first: Ints,
    read_writer: Ints,
    previous: Ints,
    column: Ints,
    place: Ints,
    low: int,
    clock: Ints,
) -> None:
    """Fill `clock` (n, c): how far into chain low + j each row's causes reach, itself counted; (0,) to begin with.

    `order` is topological. Row t is number place[t], from 1, of chain column[t]; chains follow sessions.
    """
    width = clock.shape[1]
    for a in range(len(order)):
        t = order[a]
        mine = clock[t]
        for i in range(read_first[t] - 1, read_first[t + 1]):
            u = previous[t] if i < read_first[t] else read_writer[i]
            if u >= 0:
                other = clock[u]
                for j in range(width):
                    mine[j] = max(mine[j], other[j])
        j = column[t] - low
        if 0 <= j < width:
            mine[j] = place[t]


def force_by_clocks(
    sequence: Ints,
    read_first: Ints,
    read_key: Ints,
    read_writer: Ints,
    column: Ints,
    low: int,
    clock: Ints,
    group_of_key: Ints,
    group_first: Ints,
    group_column: Ints,
    entry_place: Ints,
    cursor: Ints,
    chain_first: Ints,
    chain_row: Ints,
    forced: Ints,
) -> tuple[Ints, Ints]:
    """Forced edges of causal consistency by writers in the chains of `clock`.

    The writers of a key are grouped by chain: groups group_of_key[k]:group_of_key[k + 1], each with the places in its
    chain of its writers, ascending. Of each group the last that precedes the reader is enough; `cursor` (groups,)
    keeps where it was, so that a session walks each group once (AWDIT, PLDI 2025: n * sessions). `forced` (n, c) is
    filled with the furthest place of each chain that a row must come behind although it does not yet; edges to
    the version before the first write are returned, at most one per read.
    """
    seen, reads, count = np.empty(1024, np.int32), np.empty(1024, np.int32), 0
    width = clock.shape[1]
    for a in range(len(sequence)):
        t = sequence[a]
        for i in range(read_first[t], read_first[t + 1]):
            w, x = read_writer[i], read_key[i]
            g, end = group_of_key[x], group_of_key[x + 1]
            if low > 0:
                g += np.searchsorted(group_column[g:end], low)
            while g < end and group_column[g] < low + width:
                j = group_column[g] - low
                limit = clock[t, j] - (1 if column[t] == j + low else 0)
                c, first = cursor[g], group_first[g]
                while c > first and entry_place[c - 1] > limit:
                    c -= 1
                while c < group_first[g + 1] and entry_place[c] <= limit:
                    c += 1
                cursor[g] = c
                g += 1
                if c == first:
                    continue
                last = entry_place[c - 1]
                if w >= 0:
                    if last > clock[w, j] and last > forced[w, j]:
                        forced[w, j] = last
                else:
                    if count == len(seen):
                        seen = np.concatenate((seen, np.empty(count, np.int32)))
                        reads = np.concatenate((reads, np.empty(count, np.int32)))
                    seen[count], reads[count] = chain_row[chain_first[j + low] + last - 1], i
                    count += 1
                    break
    return seen[:count].copy(), reads[:count].copy()


def reach(order: Ints, read_first: Ints, read_writer: Ints, mark: Ints) -> None:
    """Spread the bits of `mark` (n,) along reads, in topological order: each row gets those of all its causes."""
    for a in range(len(order)):
        t = order[a]
        bits = mark[t]
        for i in range(read_first[t], read_first[t + 1]):
            if read_writer[i] >= 0:
                bits |= mark[read_writer[i]]
        mark[t] = bits


def missed_causes(
    reads: Ints,
    reader: Ints,
    read_first: Ints,
    read_key: Ints,
    read_writer: Ints,
    write_first: Ints,
    write_key: Ints,
    budget: int,
) -> tuple[Ints, Ints, int]:
    """(seen, read, budget left): for each of `reads` one writer of its key among its causes by reads alone, if any.

    `budget` limits the reads looked at; below 0, what is left of `reads` was not looked at.
    """
    seen, found, count = np.empty(len(reads), np.int32), np.empty(len(reads), np.int32), 0
    met_by = np.full(len(read_first), -1, np.int64)
    queue = np.empty(len(read_first), np.int64)
    for a in range(len(reads)):
        x = read_key[reads[a]]
        queue[0] = reader[a]
        met_by[reader[a]] = a
        at, length = 0, 1
        while at < length and budget >= 0:
            t = queue[at]
            at += 1
            low, high = write_first[t], write_first[t + 1]
            place = low + np.searchsorted(write_key[low:high], x)
            if at > 1 and place < high and write_key[place] == x:
                seen[count], found[count] = t, reads[a]
                count += 1
                break
            budget -= read_first[t + 1] - read_first[t]
            for i in range(read_first[t], read_first[t + 1]):
                u = read_writer[i]
                if u >= 0 and met_by[u] != a:
                    met_by[u] = a
                    queue[length] = u
                    length += 1
    return seen[:count].copy(), found[:count].copy(), budget


def causal_way(read_first: Ints, read_writer: Ints, previous: Ints, cause: int, effect: int) -> Ints:
    """The rows of a shortest way from `cause` to `effect` along reads and sessions, both included; () for none."""
    behind = np.full(len(previous), -1, np.int64)
    queue = np.empty(len(previous), np.int64)
    queue[0] = effect
    behind[effect] = effect
    at, length = 0, 1
    while at < length and behind[cause] < 0:
        t = queue[at]
        at += 1
        for i in range(read_first[t] - 1, read_first[t + 1]):
            u = previous[t] if i < read_first[t] else read_writer[i]
            if u >= 0 and behind[u] < 0:
                behind[u] = t
                queue[length] = u
                length += 1
    way = np.empty(len(previous) if behind[cause] >= 0 else 0, np.int64)
    count = 0
    t = cause
    while len(way) > 0:
        way[count] = t
        count += 1
        if t == effect:
            break
        t = behind[t]
    return way[:count].copy()


def shortest_cycle(first: Ints, successor: Ints, budget: int) -> tuple[Ints, int]:
    """The nodes of a shortest cycle, by breadth-first search from each node, and what is left of the budget.

    Every node is on a cycle, so that the first search finds one. `budget` limits the edges looked at from then on;
    below 0, a shorter cycle than the one returned may have been missed.
    """
    n = len(first) - 1
    parent = np.full(n, -1, np.int64)
    found_by = np.full(n, -1, np.int64)
    depth = np.zeros(n, np.int64)
    queue = np.empty(n, np.int64)
    best = np.empty(0, np.int64)
    for root in range(n):
        if len(best) == 2 or (budget < 0 and len(best) > 0):
            break
        queue[0] = root
        found_by[root] = root
        depth[root] = 0
        at, length, closing = 0, 1, -1
        while at < length and closing < 0 and (budget >= 0 or len(best) == 0):
            v = queue[at]
            at += 1
            if len(best) > 0 and depth[v] + 1 >= len(best):
                break
            budget -= first[v + 1] - first[v]
            for e in range(first[v], first[v + 1]):
                u = successor[e]
                if u == root:
                    closing = v
                    break
                if found_by[u] != root:
                    found_by[u] = root
                    parent[u] = v
                    depth[u] = depth[v] + 1
                    queue[length] = u
                    length += 1
        if closing >= 0:
            best = np.empty(depth[closing] + 1, np.int64)
            for i in range(len(best) - 1, -1, -1):
                best[i] = closing
                closing = parent[closing]
    return best, budget
