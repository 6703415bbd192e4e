"""The loops over graphs that numpy cannot express, in one source for both ways of running.

`checkers.compiling` says how. Callers go through the module (`kernels.peel(...)`), and no kernel calls another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "KERNELS",
    "adjacency",
    "count_concurrent",
    "followed_by",
    "peel",
    "predecessors",
    "shortest_returns",
    "strict_components",
    "tarjan",
]

KERNELS = (
    "count_concurrent",
    "adjacency",
    "followed_by",
    "predecessors",
    "peel",
    "strict_components",
    "tarjan",
    "shortest_returns",
)

Ints = npt.NDArray[Any]


def count_concurrent(op_offset: Ints, op_key: Ints, keys: int, client: Ints, end: Ints, start: Ints, ok: Ints) -> int:
    """How many accesses to a key began while another client's transaction on that key was still running.

    Only pairs (an access, the transaction on its key that ends last of those before it) of which one is `ok`.
    Rows (n,) come in the order of their starts; a transaction counts once for a key.
    """
    latest = np.full(keys, -1, np.int32)
    previous = np.full(keys, -1, np.int32)
    count = 0
    for row in range(len(client)):
        for i in range(op_offset[row], op_offset[row + 1]):
            k = op_key[i]
            if previous[k] == row:
                continue
            previous[k] = row
            other = latest[k]
            if other < 0:
                latest[k] = row
                continue
            if end[other] >= start[row] and client[other] != client[row] and (ok[other] or ok[row]):
                count += 1
            if end[row] >= end[other]:
                latest[k] = row
    return count


def adjacency(source: Ints, target: Ints, nodes: int) -> tuple[Ints, Ints, Ints]:
    """Edges (e,) by their sources: where each node's begin (nodes + 1,), their targets (e,), and all indegrees."""
    first_edge = np.zeros(nodes + 1, np.int32)
    indegree = np.zeros(nodes, np.int32)
    for e in range(len(source)):
        first_edge[source[e] + 1] += 1
        indegree[target[e]] += 1
    for v in range(nodes):
        first_edge[v + 1] += first_edge[v]
    following = first_edge[:nodes].copy()
    successor = np.empty(len(source), np.int32)
    for e in range(len(source)):
        v = source[e]
        successor[following[v]] = target[e]
        following[v] += 1
    return first_edge, successor, indegree


def followed_by(start: Ints, end: Ints, leads: Ints) -> Ints:
    """For each row (n,), in the order of their starts, the first row that starts after its end; n if none does.

    n too where `leads` says that no order leads out of a row. Searched in steps that double, from the row itself.
    """
    n = len(start)
    after = np.full(n, n, np.int32)
    for row in range(n):
        if not leads[row]:
            continue
        low, step = row, 1
        while low + step < n and start[low + step] <= end[row]:
            low += step
            step *= 2
        high = min(low + step, n)
        while low + 1 < high:
            middle = (low + high) // 2
            if start[middle] <= end[row]:
                low = middle
            else:
                high = middle
        after[row] = high
    return after


def predecessors(client: Ints, clients: int, included: Ints, leads: Ints) -> Ints:
    """For each included row (n,) the last row before it of its client that `leads`, -1 for none."""
    latest = np.full(clients, -1, np.int32)
    before = np.full(len(client), -1, np.int32)
    for row in range(len(client)):
        if included[row]:
            before[row] = latest[client[row]]
            if leads[row]:
                latest[client[row]] = row
    return before


def peel(first_edge: Ints, successor: Ints, indegree: Ints, done: Ints, after: Ints) -> int:
    """Kahn's algorithm with real time as an order that needs no edges. Returns how many rows were taken off.

    Rows (n,) come in the order of their starts; row v precedes all rows from `after[v]` on. `done` (n,) marks rows
    that do not take part, and is filled; `indegree` (n,) is used up. What is not done in the end holds every cycle.
    """
    n = len(done)
    holding = np.zeros(n + 1, np.int32)  # By row: how many rows not done yet hold back this row and all behind it.
    for v in range(n):
        if not done[v]:
            holding[after[v]] += 1
    stack = np.empty(n, np.int32)
    depth = 0
    released = 0
    taken = 0
    while True:
        while released < n and holding[released] == 0:
            if not done[released] and indegree[released] == 0:
                stack[depth] = released
                depth += 1
            released += 1
        if depth == 0:
            return taken
        while depth > 0:
            depth -= 1
            v = stack[depth]
            done[v] = True
            taken += 1
            holding[after[v]] -= 1
            for e in range(first_edge[v], first_edge[v + 1]):
                u = successor[e]
                indegree[u] -= 1
                if indegree[u] == 0 and u < released and not done[u]:
                    stack[depth] = u
                    depth += 1


def strict_components(first_edge: Ints, successor: Ints, done: Ints, after: Ints) -> Ints:
    """Components of rows (n,) by edges and real time, -2 for `done` rows: Tarjan 1972, iterative.

    Real time is never stored as edges. Node n + p stands for everything from row p on: it leads to row p and to node
    n + p + 1, and row v leads to node n + after[v] (to none where that is n).
    """
    n = len(done)
    component = np.full(2 * n, -1, np.int32)
    index = np.full(2 * n, -1, np.int32)
    low = np.zeros(2 * n, np.int32)
    cursor = np.zeros(2 * n, np.int32)
    stack = np.empty(2 * n, np.int32)
    path = np.empty(2 * n, np.int32)
    for v in range(n):
        cursor[v] = first_edge[v]
        if done[v]:
            index[v] = 0
            component[v] = -2
    depth = counter = components = 0
    for root in range(n):
        u = root if index[root] == -1 else -1
        length = 0
        while u >= 0 or length > 0:
            if u >= 0:
                path[length] = stack[depth] = u
                index[u] = low[u] = counter
                length += 1
                depth += 1
                counter += 1
            v = path[length - 1]
            step = cursor[v]
            cursor[v] += 1
            u = -1
            if v < n and step < first_edge[v + 1]:
                u = successor[step]
            elif v < n and step == first_edge[v + 1] and after[v] < n:
                u = n + after[v]
            elif v >= n and step < min(2, 2 * n - v):
                u = v - n if step == 0 else v + 1
            else:
                length -= 1
                if length > 0:
                    low[path[length - 1]] = min(low[path[length - 1]], low[v])
                while low[v] == index[v] and component[v] == -1:
                    depth -= 1
                    component[stack[depth]] = components
                components += low[v] == index[v]
            if u >= 0 and index[u] != -1:
                if component[u] == -1:
                    low[v] = min(low[v], index[u])
                u = -1
    return component[:n].copy()


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
    position: Ints,
    best: Ints,
    budget: int,
) -> tuple[Ints, int]:
    """For start edges `source[i]` to `target[i]`, each of a group, the shortest ways back to the source.

    0-1 breadth-first search over (node, whether the last edge was an rw): edges out of a `passing` node cost
    nothing, so that a way through barriers counts as one edge of real time. Only kinds with `is_allowed[kind]` are
    used; unless `adjacent`, no two rw may follow one another, around the corner of the start edge (an rw) too. No
    node beyond the source's `position` is entered. `best` (groups,) is filled: a start edge with a way back, or -1.
    The nodes of the shortest way of all are returned, from target to source, passing ones included. Once a group
    has a way, only ways shorter than the shortest of all are looked for. `budget` limits the edges looked at; what
    is left of it is returned, below 0 where the search was cut short.
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
                        u = successor[e]
                        if not is_allowed[kind[e]] or (rw and state & 1) or position[u] > position[goal]:
                            continue
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
