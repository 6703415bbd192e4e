"""The loops of the register solver, in one source for both ways of running: see `checkers.compiling`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "COMPILE_ABOVE_OPS",
    "KERNELS",
    "by_source",
    "close",
    "force",
    "narrow_circles",
    "sow",
    "topological",
    "way",
]

COMPILE_ABOVE_OPS = 50_000

KERNELS = ("topological", "sow", "close", "force", "narrow_circles", "way", "by_source")

Ints = npt.NDArray[Any]


def by_source(source: Ints, nodes: int) -> tuple[Ints, Ints]:
    """Where each node's edges begin once they are sorted by source (nodes + 1,), and the edges in that order."""
    first_edge = np.zeros(nodes + 1, np.int64)
    for e in range(len(source)):
        first_edge[source[e] + 1] += 1
    for v in range(nodes):
        first_edge[v + 1] += first_edge[v]
    free = first_edge[:-1].copy()
    order = np.empty(len(source), np.int64)
    for e in range(len(source)):
        order[free[source[e]]] = e
        free[source[e]] += 1
    return first_edge, order


def topological(first_edge: Ints, successor: Ints, done: Ints, ended: Ints, waits_for: Ints, by_wait: Ints) -> Ints:
    """Kahn's algorithm with real time as an order that needs no edges: the nodes in an order, as far as there is one.

    `ended` lists the nodes with outgoing real-time order by their ends; node v may go once the first `waits_for[v]`
    of them have gone; `by_wait` are the nodes by that number. `done` (nodes,) marks those that do not take part, and
    is filled: what is not done in the end holds every circle.
    """
    n = len(done)
    indegree = np.zeros(n, np.int32)
    for v in range(n):
        if not done[v]:
            for e in range(first_edge[v], first_edge[v + 1]):
                indegree[successor[e]] += 1
    order = np.empty(n, np.int64)
    taken = 0
    read = 0
    released = 0
    gone = 0
    while True:
        while gone < len(ended) and done[ended[gone]]:
            gone += 1
        while released < n and waits_for[by_wait[released]] <= gone:
            v = by_wait[released]
            released += 1
            if not done[v] and indegree[v] == 0:
                order[taken] = v
                taken += 1
        if read == taken:
            return order[:taken]
        while read < taken:
            v = order[read]
            read += 1
            done[v] = 1
            for e in range(first_edge[v], first_edge[v + 1]):
                u = successor[e]
                indegree[u] -= 1
                if indegree[u] == 0 and waits_for[u] <= gone and not done[u]:
                    order[taken] = u
                    taken += 1


def sow(reach: Ints, node: Ints, column: Ints) -> None:
    """Set bit `column[i]` of row `node[i]` of a bit matrix (nodes, bytes)."""
    for i in range(len(node)):
        reach[node[i], column[i] >> 3] |= 1 << (column[i] & 7)


def close(first_edge: Ints, successor: Ints, order: Ints, reach: Ints) -> None:
    """Give every node of a graph without circles the bits of all that it leads to; `order` is a topological one."""
    width = reach.shape[1]
    for i in range(len(order) - 1, -1, -1):
        v = order[i]
        for e in range(first_edge[v], first_edge[v + 1]):
            u = successor[e]
            for w in range(width):
                reach[v, w] |= reach[u, w]


def force(
    reach: Ints,
    column: Ints,
    groups: Ints,
    first_block: Ints,
    source: Ints,
    place: Ints,
    later: Ints,
    earlier: Ints,
    found: Ints,
) -> tuple[int, int, int]:
    """Which blocks must come before which, because the other way round would close a circle.

    The blocks of key `groups[g]` are first_block[key]..first_block[key + 1]; bit column[g] + j of row source[i] says
    that block i leads to block j or to one of its readers, so that j cannot come first. The bits of `later` and
    `earlier` from byte place[i] on say which blocks of the key are known to follow and to precede block i; they are
    filled. A pair that follows from two others is not written to `found` (f, 2). Returns how many are, and two blocks
    of which neither can come first, or -1, -1.
    """
    count = 0
    for g in range(len(groups)):
        low, high = first_block[groups[g]], first_block[groups[g] + 1]
        width = (high - low + 7) >> 3
        for i in range(high - 1, low - 1, -1):
            if source[i] < 0:
                continue
            for j in range(low, high):
                at = column[g] + j - low
                if i == j or not (reach[source[i], at >> 3] >> (at & 7)) & 1:
                    continue
                if (later[place[i] + ((j - low) >> 3)] >> ((j - low) & 7)) & 1:
                    continue
                if (later[place[j] + ((i - low) >> 3)] >> ((i - low) & 7)) & 1:
                    return count, i, j
                covered = False
                for w in range(width):
                    if later[place[i] + w] & earlier[place[j] + w]:
                        covered = True
                        break
                later[place[i] + ((j - low) >> 3)] |= 1 << ((j - low) & 7)
                earlier[place[j] + ((i - low) >> 3)] |= 1 << ((i - low) & 7)
                if not covered:
                    found[count, 0] = i
                    found[count, 1] = j
                    count += 1
    return count, -1, -1


def way(first_edge: Ints, successor: Ints, cost: Ints, start: int, goal: Ints) -> Ints:
    """The edges of a cheapest way from `start` to a node with `goal[v]`, shortest among those mostly; else none.

    cost[e] is 0, 1, or below 0 where the edge may not be used. A 0-1 breadth-first search.
    """
    n = len(first_edge) - 1
    by_edge = np.full(n, -2, np.int64)
    source = np.empty(n, np.int64)
    now = np.empty(n, np.int64)
    behind = np.empty((len(successor), 2), np.int64)
    now[0] = start
    by_edge[start] = -1
    length = 1
    found = -1
    while found < 0 and length > 0:
        at = 0
        waiting = 0
        while at < length and found < 0:
            v = now[at]
            at += 1
            if goal[v]:
                found = v
            for e in range(first_edge[v], first_edge[v + 1]):
                u = successor[e]
                if cost[e] < 0 or by_edge[u] != -2:
                    continue
                if cost[e] == 0:
                    by_edge[u] = e
                    source[u] = v
                    now[length] = u
                    length += 1
                else:
                    behind[waiting, 0] = e
                    behind[waiting, 1] = v
                    waiting += 1
        length = 0
        for i in range(waiting):
            u = successor[behind[i, 0]]
            if by_edge[u] == -2:
                by_edge[u] = behind[i, 0]
                source[u] = behind[i, 1]
                now[length] = u
                length += 1
    count = 0
    v = found
    while v >= 0 and by_edge[v] != -1:
        count += 1
        v = source[v]
    edges = np.empty(count, np.int64)
    v = found
    for i in range(count - 1, -1, -1):
        edges[i] = by_edge[v]
        v = source[v]
    return edges


def narrow_circles(
    reach: Ints, source: Ints, target: Ints, literal: Ints, into: Ints, out_of: Ints, found: Ints, steps: int
) -> tuple[int, int]:
    """Pairs of literals, not of one choice, that close a circle together with what is certain, in `found` (f, 2).

    Bit u of reach[v] says that v leads to u, itself included. `into` are the edges of literals sorted by target,
    `out_of` sorted by source. Stops after so many `steps`. Returns how many pairs there are, and the steps left.
    """
    first = np.searchsorted(source[out_of], np.arange(len(reach) + 1))
    begin = np.searchsorted(target[into], np.arange(len(reach) + 1))
    count = 0
    for v in range(len(reach)):
        if begin[v] == begin[v + 1]:
            continue
        for w in range(reach.shape[1]):
            steps -= 1
            bits = reach[v, w]
            x = 8 * w
            while bits > 0:
                if bits & 1:
                    for i in range(first[x], first[x + 1]):
                        two = out_of[i]
                        for j in range(begin[v], begin[v + 1]):
                            one = into[j]
                            u = source[one]
                            steps -= 1
                            if literal[one] >> 1 < literal[two] >> 1 and (reach[target[two], u >> 3] >> (u & 7)) & 1:
                                found[count, 0] = literal[one]
                                found[count, 1] = literal[two]
                                count += 1
                                if count == len(found):
                                    return count, steps
                    if steps <= 0:
                        return count, steps
                bits >>= 1
                x += 1
    return count, steps
