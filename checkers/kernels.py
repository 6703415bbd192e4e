"""The loops that numpy cannot express, in one source for both ways of running.

`checkers.compiling` says how. Callers go through the module (`kernels.peel(...)`), and no kernel calls another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "COMPILE_ABOVE_OPS",
    "KERNELS",
    "match_prefixes",
    "peel",
    "shortest_returns",
    "tarjan",
    "walk_transactions",
]

COMPILE_ABOVE_OPS = 150_000

KERNELS = ("match_prefixes", "peel", "tarjan", "shortest_returns", "walk_transactions")

Ints = npt.NDArray[Any]


def match_prefixes(first: Ints, size: Ints, order_first: Ints, order_size: Ints, value: Ints, repeated: Ints) -> Ints:
    """For each list (r,) how far it reaches in the order it is held against, or -1 where it contradicts it.

    List i is `value[first[i]:first[i] + size[i]]`, its order likewise; places marked in `repeated` (f,) are
    skipped in both. The answer counts places of the order, skipped ones included.
    """
    reach = np.empty(len(first), np.int64)
    for i in range(len(first)):
        at, end = first[i], first[i] + size[i]
        place, order_end = order_first[i], order_first[i] + order_size[i]
        while at < end:
            if repeated[at]:
                at += 1
            elif place < order_end and repeated[place]:
                place += 1
            elif place < order_end and value[at] == value[place]:
                at += 1
                place += 1
            else:
                place = -1
                break
        reach[i] = place - order_first[i] if place >= 0 else -1
    return reach


def peel(first_edge: Ints, successor: Ints, indegree: Ints, done: Ints, ended: Ints, waits_for: Ints) -> int:
    """Kahn's algorithm with real time as an order that needs no edges. Returns how many rows were taken off.

    Rows (n,) come in the order of their starts. `ended` lists the rows with outgoing real-time order by their
    ends; row v may go once the first `waits_for[v]` of them have gone. `done` (n,) marks rows that do not take
    part, and is filled; `indegree` (n,) is used up. What is not done in the end holds every cycle.
    """
    n = len(done)
    stack = np.empty(n, np.int64)
    depth = 0
    released = 0
    gone = 0
    taken = 0
    while True:
        while gone < len(ended) and done[ended[gone]]:
            gone += 1
        while released < n and waits_for[released] <= gone:
            if not done[released] and indegree[released] == 0:
                stack[depth] = released
                depth += 1
            released += 1
        if depth == 0:
            return taken
        while depth > 0:
            depth -= 1
            v = stack[depth]
            done[v] = 1
            taken += 1
            for e in range(first_edge[v], first_edge[v + 1]):
                u = successor[e]
                indegree[u] -= 1
                if indegree[u] == 0 and u < released and not done[u]:
                    stack[depth] = u
                    depth += 1


def tarjan(first_edge: Ints, successor: Ints, allowed: Ints) -> Ints:
    """Strongly connected components (Tarjan 1972, iterative): a component number for each node (n,).

    Only edges with `allowed[e]` count. Numbers come in reverse topological order.
    """
    n = len(first_edge) - 1
    component = np.full(n, -1, np.int64)
    index = np.full(n, -1, np.int64)
    low = np.zeros(n, np.int64)
    cursor = np.zeros(n, np.int64)
    stack = np.empty(n, np.int64)
    path = np.empty(n, np.int64)
    depth = counter = components = 0
    for root in range(n):
        if index[root] != -1:
            continue
        path[0] = root
        length = 1
        index[root] = low[root] = counter
        counter += 1
        cursor[root] = first_edge[root]
        stack[depth] = root
        depth += 1
        while length > 0:
            v = path[length - 1]
            if cursor[v] < first_edge[v + 1]:
                e = cursor[v]
                cursor[v] += 1
                if not allowed[e]:
                    continue
                u = successor[e]
                if index[u] == -1:
                    path[length] = u
                    length += 1
                    index[u] = low[u] = counter
                    counter += 1
                    cursor[u] = first_edge[u]
                    stack[depth] = u
                    depth += 1
                elif component[u] == -1 and index[u] < low[v]:
                    low[v] = index[u]
            else:
                length -= 1
                if length > 0 and low[v] < low[path[length - 1]]:
                    low[path[length - 1]] = low[v]
                if low[v] == index[v]:
                    while True:
                        depth -= 1
                        u = stack[depth]
                        component[u] = components
                        if u == v:
                            break
                    components += 1
    return component


def shortest_returns(
    first_edge: Ints,
    successor: Ints,
    kind: Ints,
    passing: Ints,
    source: Ints,
    target: Ints,
    group: Ints,
    is_rw: Ints,
    is_allowed: Ints,
    adjacent: bool,
    best: Ints,
    budget: int,
) -> tuple[Ints, int]:
    """For start edges `source[i]` to `target[i]`, each of a group, the shortest ways back to the source.

    0-1 breadth-first search over (node, whether the last edge was an rw): edges out of a `passing` node cost
    nothing, so that a way through barriers counts as one edge of real time. Only kinds with `is_allowed[kind]`
    are used; unless `adjacent`, no two rw may follow one another, around the corner of the start edge (an rw)
    too. `best` (groups,) is filled: a start edge with a way back, or -1. The nodes of the shortest way of all
    are returned, from target to source, passing ones included. Once a group has a way, only ways shorter than
    the shortest of all are looked for. `budget` limits the edges looked at; what is left of it is returned,
    below 0 where the search was cut short.
    """
    n = len(first_edge) - 1
    distance = np.full(2 * n, -1, np.int64)
    parent = np.full(2 * n, -1, np.int64)
    queue = np.empty(2 * n, np.int64)
    behind = np.empty(2 * n, np.int64)
    touched = np.empty(2 * n, np.int64)
    shortest = 2 * n + 2
    way = np.empty(0, np.int64)
    for i in range(len(source)):
        bound = 2 * n + 2 if best[group[i]] < 0 else shortest
        if bound <= 1:
            continue
        goal = source[i]
        queue[0] = touched[0] = 2 * target[i] + 1
        distance[queue[0]] = 0
        parent[queue[0]] = -1
        touches = 1
        length = 1
        level = 0
        found = -1
        # One level of equal distance at a time: `queue` grows by nodes at no cost, `behind` holds the next level.
        # Passing nodes come first, so that what they reach at no cost is not taken for the next level.
        while length > 0 and found < 0 and level < bound and budget >= 0:
            waiting = 0
            for turn in range(2):
                at = 0
                while at < length and found < 0:
                    state = queue[at]
                    at += 1
                    v = state >> 1
                    if passing[v] == (turn == 1):
                        continue
                    budget -= first_edge[v + 1] - first_edge[v]
                    for e in range(first_edge[v], first_edge[v + 1]):
                        rw = is_rw[kind[e]] and not adjacent
                        if not is_allowed[kind[e]] or (rw and state & 1):
                            continue
                        u = successor[e]
                        if u == goal:
                            if not rw:
                                found = state
                                break
                            continue
                        following = 2 * u + (1 if rw else 0)
                        if distance[following] != -1:
                            continue
                        parent[following] = state
                        touched[touches] = following
                        touches += 1
                        if passing[v]:
                            distance[following] = level
                            queue[length] = following
                            length += 1
                        else:
                            distance[following] = level + 1
                            behind[waiting] = following
                            waiting += 1
            level += 1
            length = waiting
            queue, behind = behind, queue
        if found >= 0:
            best[group[i]] = i
            edges = distance[found] + (0 if passing[found >> 1] else 1)
            if edges < shortest:
                shortest = edges
                count = 1
                state = found
                while parent[state] != -1:
                    state = parent[state]
                    count += 1
                way = np.empty(count + 1, np.int64)
                way[count] = goal
                for j in range(count - 1, -1, -1):
                    way[j] = found >> 1
                    found = parent[found]
        for j in range(touches):
            distance[touched[j]] = -1
        if budget < 0:
            break
    return way, budget


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
    contradicts = np.zeros(m, np.int8)
    foresees = np.zeros(m, np.int8)
    updated_read = np.full(m, -1, np.int64)
    is_last = np.zeros(m, np.int8)
    before = np.full(m, -1, np.int64)
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
                is_last[i] = 1
                latest[k] = -1
        if not included[row]:
            continue
        for i in range(begin, end):
            if is_read[i] and size[i] >= 0:
                at = first[i] + size[i]
                own = 0
                j = before[i]
                while j >= 0 and not (is_read[j] and size[j] >= 0):
                    if is_append[j]:
                        own += 1
                        at -= 1
                        if own > size[i] or element[at] != first[j]:
                            contradicts[i] = 1
                    j = before[j]
                    if contradicts[i]:
                        break
                if not contradicts[i] and j >= 0:
                    if size[i] != size[j] + own:
                        contradicts[i] = 1
                    elif first[i] != first[j]:
                        for d in range(size[j]):
                            if element[first[i] + d] != element[first[j] + d]:
                                contradicts[i] = 1
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
                                foresees[j] = 1
                        else:
                            for d in range(size[j]):
                                if element[first[j] + d] == first[i]:
                                    foresees[j] = 1
                                    break
                    j = before[j]
                if not appended:
                    updated_read[i] = earlier
    return contradicts, foresees, updated_read, is_last
