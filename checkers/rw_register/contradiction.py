"""A contradiction made small: a set of observations of which none can be left out.

Independent of the search that found the rows, in plain Python and with no inference at all: each pair of writers of a
key is an either/or for the SAT solver, each circle a clause. So a refutation is found twice, by different means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

import numpy as np
from pysat.solvers import Glucose4

from checkers.joins import Ints
from checkers.rw_register.forms import Form, Kind, Order
from checkers.rw_register.problem import Problem
from harness.history import Status

__all__ = ["Edge", "Observation", "circle_of", "edges_of", "irreducible", "known_edges", "observations"]

_One = TypeVar("_One")

NOBODY = -1
_ROWS_MAX = 400  # Of a larger set of transactions the parts are not left out one by one.


class Observation(NamedTuple):
    """One thing that is known.

    read      `one` read the version of `key` that `two` wrote (NOBODY: the initial one)
    written   `one` and `two` both wrote `key`; where `one` is NOBODY, `two` replaced the initial version
    session, realtime   `one` came before `two`
    """

    kind: str
    one: int
    two: int
    key: int = -1


class Edge(NamedTuple):
    """`before` must come before `after`; `because` are the observations, the `pair` one in the order it has."""

    kind: str
    before: int
    after: int
    key: int
    because: tuple[Observation, ...]


def observations(problem: Problem, form: Form, rows: Sequence[int]) -> list[Observation]:
    """All that is known of these rows alone."""
    mask = np.zeros(len(problem.history), dtype=np.bool_)
    mask[list(rows)] = True
    part = problem.among(mask)
    found = [
        Observation("read", row, int(part.version_row[version]), int(part.version_key[version]))
        for row, version in zip(part.read_row.tolist(), part.read_version.tolist(), strict=True)
    ]
    writers: dict[int, list[int]] = {}
    for key, row in zip(part.version_key.tolist(), part.version_row.tolist(), strict=True):
        if row >= 0:
            writers.setdefault(key, [NOBODY]).append(row)
    for key, those in writers.items():
        found += [Observation("written", one, two, key) for one, two in combinations(those, 2)]
    return found + list(_ordered(part, form, sorted(rows)))


def _ordered(part: Problem, form: Form, rows: Sequence[int]) -> Iterator[Observation]:
    history = part.history
    for one in rows:
        if form.order == Order.NONE or history.status[one] != Status.OK:
            continue
        for two in rows:
            unordered = part.unordered[one] or part.unordered[two]
            untimed = part.untimed[one] or part.untimed[two]
            if history.client[one] == history.client[two] and one < two and not unordered:
                yield Observation("session", one, two)
            elif form.order == Order.REALTIME and history.end[one] < history.start[two] and not untimed:
                yield Observation("realtime", one, two)


def irreducible(problem: Problem, form: Form, rows: Ints) -> list[Observation] | None:
    """A contradiction among these rows of which nothing can be left out; None where there is none.

    First transactions are left out, with all that is known of them, then observations, times before sessions.
    """
    kind = form.kind
    kept: list[int] = rows.tolist()
    if _satisfiable(observations(problem, form, kept), kind):
        return None
    if len(kept) <= _ROWS_MAX:
        kept = _shrunk(kept, lambda those: not _satisfiable(observations(problem, form, those), kind))
    by_need = ("realtime", "session", "written", "read")
    found = sorted(observations(problem, form, kept), key=lambda one: by_need.index(one.kind))
    return _shrunk(found, lambda those: not _satisfiable(those, kind))


def _shrunk(those: list[_One], contradicts: Callable[[list[_One]], bool]) -> list[_One]:
    """A part of `those` that still contradicts itself, and without any one of which it would not."""
    size = max(len(those) // 2, 1)
    while True:
        place = 0
        while place < len(those):
            rest = those[:place] + those[place + size :]
            if contradicts(rest):
                those = rest
            else:
                place += size
        if size == 1:
            return those
        size = max(size // 2, 1)


def known_edges(those: Iterable[Observation]) -> list[Edge]:
    """What must come before what, whatever the order of the writers."""
    those = list(those)
    found = []
    for one in those:
        if one.kind == "read" and one.two != NOBODY:
            found.append(Edge("wr", one.two, one.one, one.key, (one,)))
        elif one.kind in {"session", "realtime"}:
            found.append(Edge(one.kind, one.one, one.two, -1, (one,)))
        elif one.kind == "written" and one.one == NOBODY:
            found += edges_of(one, NOBODY, those)
    return found


def edges_of(pair: Observation, first: int, those: Iterable[Observation]) -> list[Edge]:
    """What must come before what if `first`, one of a pair of writers, comes first."""
    second = pair.two if pair.one == first else pair.one
    ordered = pair._replace(one=first, two=second)
    found = [] if first == NOBODY else [Edge("ww", first, second, pair.key, (ordered,))]
    for read in those:
        if read.kind == "read" and read.key == pair.key and read.two == first and read.one != second:
            found.append(Edge("rw", read.one, second, pair.key, (ordered, read)))
    return found


def _satisfiable(those: list[Observation], kind: Kind) -> bool:
    pairs = [one for one in those if one.kind == "written" and one.one != NOBODY]
    reads: dict[tuple[int, int], list[Observation]] = {}
    for one in those:
        if one.kind == "read":
            reads.setdefault((one.key, one.two), []).append(one)
    fixed = known_edges(those)
    options = [
        [edges_of(pair, first, reads.get((pair.key, first), ())) for first in (pair.one, pair.two)] for pair in pairs
    ]
    with Glucose4() as solver:
        solver.set_phases([number + 1 for number in range(len(pairs))])
        choices = [True] * len(pairs)
        while True:
            chosen = [(edge, 0) for edge in fixed]
            for number, (yes, option) in enumerate(zip(choices, options, strict=True)):
                chosen += [(edge, (number + 1) if yes else -(number + 1)) for edge in option[0 if yes else 1]]
            circle = circle_of([edge for edge, _ in chosen], kind, shortest=False)
            if circle is None:
                return True
            literals = {chosen[place][1] for place in circle} - {0}
            if not literals:
                return False
            solver.add_clause([-literal for literal in literals])
            if not solver.solve():
                return False
            choices = [literal > 0 for literal in (solver.get_model() or [])[: len(pairs)]]
            choices += [True] * (len(pairs) - len(choices))


def circle_of(edges: Sequence[Edge], kind: Kind, *, shortest: bool = True) -> list[int] | None:
    """The places of the edges of a forbidden circle, in its order, a shortest one or any; None without one."""
    leaving: dict[tuple[int, bool], list[tuple[int, tuple[int, bool]]]] = {}
    for place, edge in enumerate(edges):
        anti = edge.kind == "rw"
        for state in (False, True):
            following = _following(kind, state, anti)
            if following is not None:
                leaving.setdefault((edge.before, state), []).append((place, (edge.after, following)))
    best: list[int] | None = None
    for start in sorted({edge.before for edge in edges}):
        found = _shortest(leaving, start, kind, len(edges) + 1 if best is None else len(best))
        if found is not None:
            best = found
            if not shortest:
                break
    return best


def _following(kind: Kind, state: bool, anti: bool) -> bool | None:
    """What a walk remembers after one more edge; None where it may not go on.

    SERIAL remembers nothing, SNAPSHOT whether the last edge was an rw, PARALLEL whether any was.
    """
    if kind == Kind.SERIAL:
        return None if state else False
    if state and anti:
        return None
    return anti if kind == Kind.SNAPSHOT else state or anti


def _shortest(
    leaving: dict[tuple[int, bool], list[tuple[int, tuple[int, bool]]]], start: int, kind: Kind, below: int
) -> list[int] | None:
    """A closed walk from `start` of fewer than `below` edges.

    For SNAPSHOT the walk begins as if an rw had led to it or not, and must end the same way: then no two rw meet.
    """
    for begin in (False, True) if kind == Kind.SNAPSHOT else (False,):
        by: dict[tuple[int, bool], tuple[tuple[int, bool], int] | None] = {(start, begin): None}
        level = [(start, begin)]
        length = 0
        while level and length + 1 < below:
            length += 1
            reached = []
            for state in level:
                for place, following in leaving.get(state, ()):
                    closes = following[0] == start and (kind != Kind.SNAPSHOT or following[1] == begin)
                    if closes:
                        walk = [place]
                        back = by[state]
                        while back is not None:
                            walk.append(back[1])
                            back = by[back[0]]
                        return walk[::-1]
                    if following not in by:
                        by[following] = (state, place)
                        reached.append(following)
            level = reached
    return None
