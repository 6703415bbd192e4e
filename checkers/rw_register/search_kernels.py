"""The loops of the search for an order, in one source for both ways of running: see `checkers.compiling`.

A literal 2 c says that of choice c the first block comes first, 2 c + 1 that the second does; each has edges that
follow from it. The graph of the edges of all true literals grows and shrinks like a stack and never has a circle:
an edge that would close one gives a clause instead. Dynamic topological order: Pearce & Kelly, JEA 11, 2006.
Learning of clauses: Marques-Silva & Sakallah, GRASP, 1996; watched literals and activities: Moskewicz et al., Chaff,
2001. A graph theory within such a search: Bayless et al., MonoSAT, AAAI 2015; for isolation, VeriStrong, 2025.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["INTERRUPTED", "KERNELS", "SOLVED", "UNSOLVABLE", "Clauses", "State", "add", "search"]

# Compiled in this order: a kernel may call those before it.
KERNELS = (
    "watch",
    "assign",
    "follow",
    "way_back",
    "circle_clause",
    "reorder",
    "insert",
    "insert_all",
    "back_to",
    "bumped",
    "resolved",
    "shortened",
    "decide",
    "search",
    "add",
)

SOLVED, UNSOLVABLE, INTERRUPTED = 1, -1, 0

# Places in `State.number`: lengths of the trail, of what was followed through the clauses, of what is in the graph;
# levels, clauses, literals of clauses, and steps of work.
TRAIL, FOLLOWED, INSERTED, LEVEL, CLAUSES, LITERALS, STEPS = range(7)

_DECAY = 1.005

Ints = npt.NDArray[Any]


class State(NamedTuple):
    """A search of n nodes, m choices and e edges: those that are certain first, then those of literal 0, 1, ...

    Lists of edges: `first_out` and `next_out`, `first_in` and `next_in` are the edges that are in the graph, -1 ends
    one. `trail` are the true literals in the order in which they became so.
    """

    source: Ints  # (e,)
    target: Ints  # (e,)
    literal: Ints  # (e,) -1 for what is certain.
    edge_of: Ints  # (2 m + 1,) where the edges of each literal begin.
    first_out: Ints  # (n,)
    next_out: Ints  # (e,)
    first_in: Ints  # (n,)
    next_in: Ints  # (e,)
    place: Ints  # (n,) a topological order of the graph.
    value: Ints  # (2 m,) 1 for true, -1 for false, 0 for open.
    level: Ints  # (m,) at which decision a choice was made; 0 for none.
    reason: Ints  # (m,) the clause that made it, -1 for none.
    trail: Ints  # (m,)
    begin: Ints  # (m + 2,) of each level on the trail.
    inserted: Ints  # (m,) how many edges of trail[i] are in the graph.
    activity: npt.NDArray[np.float64]  # (m,)
    bump: npt.NDArray[np.float64]  # (1,) what an activity grows by.
    queued: Ints  # (m,) whether it waits for a decision.
    number: Ints  # (7,)
    by: Ints  # (n,) scratch: the edge by which a search came to a node, -1 for none.
    queue: Ints  # (2, n) scratch.
    costly: Ints  # (e,) scratch.
    seen: Ints  # (m,) scratch.
    clause: Ints  # (m + 1,) scratch.


class Clauses(NamedTuple):
    """Clause k has literals[start[k]:start[k + 1]]; those from end[k] on are false for good.

    Slot 2 k watches the first and slot 2 k + 1 the second; `first_watch[l]` and `next_watch` are lists of slots.
    `circle[k]` is whether it forbids a circle, and was not learned from others.
    """

    literals: Ints
    start: Ints
    end: Ints
    next_watch: Ints
    circle: Ints
    first_watch: Ints


def watch(state: State, clauses: Clauses, size: int, circle: int) -> int:
    """Make the first `size` of state.clause a clause, of which an open or the latest two are watched; its number."""
    clause, value, level = state.clause, state.value, state.level
    end = size
    i = 0
    while i < end:
        if value[clause[i]] == -1 and level[clause[i] >> 1] == 0:
            end -= 1
            clause[i], clause[end] = clause[end], clause[i]
        else:
            i += 1
    for place in range(min(2, end)):
        for i in range(place + 1, end):
            one, two = clause[place], clause[i]
            if value[one] == -1 and (value[two] != -1 or level[two >> 1] > level[one >> 1]):
                clause[place], clause[i] = two, one
    k = state.number[CLAUSES]
    begin = clauses.start[k]
    clauses.literals[begin : begin + size] = clause[:size]
    clauses.start[k + 1] = begin + size
    clauses.end[k] = begin + end
    clauses.circle[k] = circle
    if end > 1:
        for i in range(2):
            clauses.next_watch[2 * k + i] = clauses.first_watch[clause[i]]
            clauses.first_watch[clause[i]] = 2 * k + i
    state.number[CLAUSES] = k + 1
    state.number[LITERALS] = begin + size
    return int(k)


def assign(state: State, literal: int, reason: int) -> None:
    """Make a literal true."""
    state.value[literal] = 1
    state.value[literal ^ 1] = -1
    state.level[literal >> 1] = state.number[LEVEL]
    state.reason[literal >> 1] = reason
    state.trail[state.number[TRAIL]] = literal
    state.number[TRAIL] += 1


def follow(state: State, clauses: Clauses) -> int:
    """Make true what clauses demand; the number of a clause that has become false, -1 if there is none."""
    literals, value, number = clauses.literals, state.value, state.number
    while number[FOLLOWED] < number[TRAIL]:
        false = state.trail[number[FOLLOWED]] ^ 1
        number[FOLLOWED] += 1
        slot = clauses.first_watch[false]
        before = -1
        while slot >= 0:
            number[STEPS] += 1
            after = clauses.next_watch[slot]
            k = slot >> 1
            begin = clauses.start[k]
            mine = begin + (slot & 1)
            other = literals[begin + 1 - (slot & 1)]
            better = -1
            if value[other] != 1:
                for i in range(begin + 2, clauses.end[k]):
                    if value[literals[i]] != -1:
                        better = i
                        break
            if better >= 0:
                literals[mine], literals[better] = literals[better], literals[mine]
                if before < 0:
                    clauses.first_watch[false] = after
                else:
                    clauses.next_watch[before] = after
                clauses.next_watch[slot] = clauses.first_watch[literals[mine]]
                clauses.first_watch[literals[mine]] = slot
            else:
                if value[other] == -1:
                    return int(k)
                if value[other] == 0:
                    assign(state, other, k)
                before = slot
            slot = after
    return -1


def way_back(state: State, edge: int) -> tuple[int, bool]:
    """Look for a way from an edge's target to its source, by few choices, among the nodes placed between the two.

    Returns how many nodes were reached, which are in queue[0], and whether there is a way, to be followed back along
    `by`. A 0-1 breadth-first search, choices made for good being as good as certain.
    """
    start, end = state.target[edge], state.source[edge]
    by, reached, costly = state.by, state.queue[0], state.costly
    by[start] = edge
    reached[0] = start
    count = 1
    at = 0
    while True:
        waiting = 0
        while at < count and by[end] == -1:
            e = state.first_out[reached[at]]
            at += 1
            while e >= 0:
                state.number[STEPS] += 1
                v = state.target[e]
                if by[v] == -1 and state.place[v] <= state.place[end]:
                    if state.literal[e] < 0 or state.level[state.literal[e] >> 1] == 0:
                        by[v] = e
                        reached[count] = v
                        count += 1
                    else:
                        costly[waiting] = e
                        waiting += 1
                e = state.next_out[e]
        if by[end] != -1:
            return count, True
        for i in range(waiting):
            v = state.target[costly[i]]
            if by[v] == -1:
                by[v] = costly[i]
                reached[count] = v
                count += 1
        if at == count:
            return count, False


def circle_clause(state: State, edge: int) -> int:
    """The clause of a circle closed by an edge, written to `clause`: the others must not all be true. Its size."""
    seen, clause = state.seen, state.clause
    size = 0
    e = edge
    while True:
        if state.literal[e] >= 0 and seen[state.literal[e] >> 1] == 0:
            seen[state.literal[e] >> 1] = 1
            clause[size] = state.literal[e] ^ 1
            size += 1
        e = state.by[state.source[e]]
        if e == edge:
            break
    for i in range(size):
        seen[clause[i] >> 1] = 0
    return size


def reorder(state: State, edge: int, count: int) -> None:
    """Place an edge's source and what leads to it before its target and the `count` nodes reached from there."""
    place, by, behind = state.place, state.by, state.queue[1]
    lowest = place[state.target[edge]]
    behind[0] = state.source[edge]
    by[behind[0]] = edge
    reached = 1
    at = 0
    while at < reached:
        e = state.first_in[behind[at]]
        at += 1
        while e >= 0:
            state.number[STEPS] += 1
            v = state.source[e]
            if place[v] >= lowest and by[v] == -1:
                by[v] = e
                behind[reached] = v
                reached += 1
            e = state.next_in[e]
    before, after = behind[:reached].copy(), state.queue[0][:count].copy()
    moved = np.concatenate((before[np.argsort(place[before])], after[np.argsort(place[after])]))
    free = np.sort(place[moved])
    for i in range(len(moved)):
        place[moved[i]] = free[i]
        by[moved[i]] = -1


def insert(state: State, edge: int) -> int:
    """Put an edge into the graph and return -1; or return the size of `clause` if that would close a circle."""
    source, target = state.source[edge], state.target[edge]
    if state.place[source] >= state.place[target]:
        count, closes = way_back(state, edge)
        if closes:
            size = circle_clause(state, edge)
            for i in range(count):
                state.by[state.queue[0, i]] = -1
            return size
        reorder(state, edge, count)
    state.next_out[edge] = state.first_out[source]
    state.first_out[source] = edge
    state.next_in[edge] = state.first_in[target]
    state.first_in[target] = edge
    return -1


def insert_all(state: State) -> int:
    """Put the edges of all true literals into the graph: as `insert`."""
    number = state.number
    while number[INSERTED] < number[TRAIL]:
        at = number[INSERTED]
        number[INSERTED] += 1
        literal = state.trail[at]
        state.inserted[at] = 0
        for edge in range(state.edge_of[literal], state.edge_of[literal + 1]):
            number[STEPS] += 1
            size = insert(state, edge)
            if size >= 0:
                return size
            state.inserted[at] += 1
    return -1


def back_to(state: State, level: int, heap: Any) -> None:
    """Take back all decisions above `level` and what followed from them."""
    number = state.number
    if level >= number[LEVEL]:
        return
    keep = state.begin[level + 1]
    for at in range(number[TRAIL] - 1, keep - 1, -1):
        literal = state.trail[at]
        state.value[literal] = 0
        state.value[literal ^ 1] = 0
        if state.queued[literal >> 1] == 0:
            state.queued[literal >> 1] = 1
            heappush(heap, (-state.activity[literal >> 1], literal >> 1))
        if at < number[INSERTED]:
            first = state.edge_of[literal]
            for edge in range(first + state.inserted[at] - 1, first - 1, -1):
                state.first_out[state.source[edge]] = state.next_out[edge]
                state.first_in[state.target[edge]] = state.next_in[edge]
    number[TRAIL] = keep
    number[FOLLOWED] = min(number[FOLLOWED], keep)
    number[INSERTED] = min(number[INSERTED], keep)
    number[LEVEL] = level


def bumped(state: State, choice: int, heap: Any) -> None:
    """Decide a choice sooner the next time."""
    state.activity[choice] += state.bump[0]
    state.queued[choice] = 1
    heappush(heap, (-state.activity[choice], np.int64(choice)))


def resolved(state: State, clauses: Clauses, false: int, heap: Any) -> int:
    """The size of the clause learned from a false one, written to `clause`; 0 if there is no way out.

    Of the literals of the last level only one is in it, which comes first: the first unique implication point.
    """
    seen, level, clause = state.seen, state.level, state.clause
    last = 0
    for i in range(clauses.start[false], clauses.end[false]):
        last = max(last, level[clauses.literals[i] >> 1])
    if last == 0:
        return 0
    back_to(state, last, heap)
    size = 1
    pending = 0
    at = state.number[TRAIL]
    k = np.int64(false)
    literal = np.int64(-1)
    while True:
        for i in range(clauses.start[k], clauses.end[k]):
            one = clauses.literals[i]
            if one != literal and seen[one >> 1] == 0 and level[one >> 1] > 0:
                seen[one >> 1] = 1
                bumped(state, one >> 1, heap)
                if level[one >> 1] == last:
                    pending += 1
                else:
                    clause[size] = one
                    size += 1
        at -= 1
        while seen[state.trail[at] >> 1] == 0:
            at -= 1
        literal = state.trail[at]
        pending -= 1
        if pending == 0:
            clause[0] = literal ^ 1
            for i in range(at + 1, state.number[TRAIL]):
                seen[state.trail[i] >> 1] = 0
            return size
        k = state.reason[literal >> 1]


def shortened(state: State, clauses: Clauses, size: int) -> int:
    """Leave out of the learned clause what its other literals imply; its size."""
    seen, clause = state.seen, state.clause
    kept = 1
    for i in range(1, size):
        k = state.reason[clause[i] >> 1]
        needed = k < 0
        if not needed:
            for j in range(clauses.start[k], clauses.end[k]):
                choice = clauses.literals[j] >> 1
                if seen[choice] == 0 and state.level[choice] > 0:
                    needed = True
                    break
        if needed:
            clause[kept], clause[i] = clause[i], clause[kept]
            kept += 1
    for i in range(size):
        seen[clause[i] >> 1] = 0
    return kept


def decide(state: State, heap: Any) -> bool:
    """Make the busiest open choice the way that agrees best with the present order; False if none is open."""
    while len(heap) > 0:
        choice = heappop(heap)[1]
        state.queued[choice] = 0
        if state.value[2 * choice] == 0:
            against = 0
            for edge in range(state.edge_of[2 * choice], state.edge_of[2 * choice + 1]):
                against += state.place[state.source[edge]] > state.place[state.target[edge]]
            for edge in range(state.edge_of[2 * choice + 1], state.edge_of[2 * choice + 2]):
                against -= state.place[state.source[edge]] > state.place[state.target[edge]]
            state.number[LEVEL] += 1
            state.begin[state.number[LEVEL]] = state.number[TRAIL]
            assign(state, 2 * choice + (1 if against > 0 else 0), -1)
            return True
    return False


def search(state: State, clauses: Clauses, conflicts: int) -> int:
    """Search on until all choices are made, or cannot be, or INTERRUPTED by so many conflicts or by lack of room.

    There must be room for two clauses of all literals.
    """
    number = state.number
    heap = [(0.0, np.int64(0))]
    heap.clear()
    for choice in range(len(state.level)):
        state.queued[choice] = state.value[2 * choice] == 0
        if state.queued[choice] == 1:
            heappush(heap, (-state.activity[choice], np.int64(choice)))
    while True:
        false = follow(state, clauses)
        if false < 0:
            size = insert_all(state)
            if size >= 0:
                false = watch(state, clauses, size, 1)
        if false < 0:
            if not decide(state, heap):
                return SOLVED
            continue
        size = resolved(state, clauses, false, heap)
        if size == 0:
            return UNSOLVABLE
        size = shortened(state, clauses, size)
        highest = 0
        for i in range(1, size):
            highest = max(highest, state.level[state.clause[i] >> 1])
        back_to(state, highest, heap)
        learned = state.clause[0]
        assign(state, learned, watch(state, clauses, size, 0) if size > 1 else -1)
        state.bump[0] *= _DECAY
        conflicts -= 1
        room = len(clauses.literals) - number[LITERALS] >= 2 * len(state.clause)
        if conflicts <= 0 or not room or number[CLAUSES] + 2 >= len(clauses.circle):
            back_to(state, 0, heap)
            return INTERRUPTED


def add(state: State, clauses: Clauses, literals: Ints) -> bool:
    """Take back all decisions and add clauses (c, size) that forbid circles; False if one of them cannot be kept."""
    heap = [(0.0, np.int64(0))]
    back_to(state, 0, heap)
    for i in range(len(literals)):
        size = literals.shape[1]
        state.clause[:size] = literals[i]
        k = watch(state, clauses, size, 1)
        left = clauses.end[k] - clauses.start[k]
        if left == 0:
            return False
        if left == 1 and state.value[state.clause[0]] == 0:
            assign(state, state.clause[0], -1)
    return True
