"""Levels by the dependency graphs that they forbid: every version order is tried, writer by writer.

D are session and real-time order as far as kept, wr and ww; rw leads from a reader to the writer of the next version.

    read committed   D is acyclic                                         Adya 1999, PL-2
    parallel SI      no cycle of D with at most one rw                    Cerone & Gotsman 2016
    SI               no cycle in which no two rw are adjacent             Cerone & Gotsman 2016
    repeatable read  no cycle of D and rw of items                        Adya 1999, PL-2.99
    serializable     no cycle of D and rw                                 Adya 1999, PL-3
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .explanations import NOBODY, Explanation, explanations
from .small import Small, bits

__all__ = ["GRAPHS", "acyclic", "has_version_order"]

Matrix = list[int]  # Row i: the mask of what i points to.


def acyclic(rows: Matrix) -> bool:
    """Whether no walk leads back to where it began."""
    closed = _closure(rows)
    return not any(row >> i & 1 for i, row in enumerate(closed))


def _closure(rows: Matrix) -> Matrix:
    closed = rows.copy()
    for middle, _ in enumerate(closed):
        bit, through = 1 << middle, closed[middle]
        for i, row in enumerate(closed):
            if row & bit:
                closed[i] = row | through
    return closed


def _then(first: Matrix, second: Matrix) -> Matrix:
    """first or first, then second."""
    combined = []
    for row in first:
        out = row
        for j in bits(row):
            out |= second[j]
        combined.append(out)
    return combined


def _no_dependency_cycle(d: Matrix, rw: Matrix, rw_missed: Matrix) -> bool:
    return acyclic(d)


def _at_least_two_rw(d: Matrix, rw: Matrix, rw_missed: Matrix) -> bool:
    closed = _closure(d)
    closing = any(closed[j] >> i & 1 for i, row in enumerate(_either(rw, rw_missed)) for j in bits(row))
    return not closing and not any(row >> i & 1 for i, row in enumerate(closed))


def _two_adjacent_rw(d: Matrix, rw: Matrix, rw_missed: Matrix) -> bool:
    return acyclic(_then(d, _either(rw, rw_missed)))


def _no_item_cycle(d: Matrix, rw: Matrix, rw_missed: Matrix) -> bool:
    return acyclic(_either(d, rw))


def _no_cycle(d: Matrix, rw: Matrix, rw_missed: Matrix) -> bool:
    return acyclic(_either(_either(d, rw), rw_missed))


def _either(one: Matrix, other: Matrix) -> Matrix:
    return [a | b for a, b in zip(one, other, strict=True)]


# Each refuses more the more edges there are.
GRAPHS: dict[str, Callable[[Matrix, Matrix, Matrix], bool]] = {
    "read committed": _no_dependency_cycle,
    "parallel SI": _at_least_two_rw,
    "SI": _two_adjacent_rw,
    "repeatable read": _no_item_cycle,
    "serializable": _no_cycle,
}


def has_version_order(history: Small, condition: str, kept: str = "", *, consistent: bool = True) -> bool:
    """Whether some explanation and some version order of each key give a graph that the condition admits.

    `consistent` demands that reads agree with own earlier reads and writes.
    """
    holds = GRAPHS[condition]
    for one in explanations(history):
        if consistent and not one.consistent:
            continue
        if _Search(history, one, kept, holds).extend(0, one.writers.get(_key(one, 0), []), NOBODY):
            return True
    return False


def _key(one: Explanation, number: int) -> object:
    return list(one.writers)[number] if number < len(one.writers) else None


class _Search:
    """Puts the writers of one key after another in an order, as long as the graph so far is admitted."""

    def __init__(
        self, history: Small, one: Explanation, kept: str, holds: Callable[[Matrix, Matrix, Matrix], bool]
    ) -> None:
        n = len(history.txns)
        self.holds = holds
        self.keys = list(one.writers)
        self.writers = one.writers
        self.d, self.rw, self.rw_missed = [0] * n, [0] * n, [0] * n
        self.after: dict[tuple[object, int], list[tuple[int, bool]]] = {}  # Readers of a version.
        for sight in one.sights:
            self.after.setdefault((sight.key, sight.writer), []).append((sight.reader, sight.missed))
            if sight.writer != NOBODY:
                self.d[sight.writer] |= 1 << sight.reader
        for a, b in one.ww:
            self.d[a] |= 1 << b
        for b in bits(one.members):
            for a in bits(history.earlier[kept][b] & one.members):
                self.d[a] |= 1 << b

    def extend(self, number: int, left: Iterable[int], last: int) -> bool:
        """Whether the rest can be ordered: of key `number` those `left` after `last`, then all further keys."""
        if not self.holds(self.d, self.rw, self.rw_missed):
            return False
        left = list(left)
        if not left:
            if number + 1 >= len(self.keys):
                return True
            return self.extend(number + 1, self.writers[self.keys[number + 1]], NOBODY)
        key = self.keys[number]
        for following in left:
            before = self.d.copy(), self.rw.copy(), self.rw_missed.copy()
            rest = [one for one in left if one != following]
            self._place(key, last, following, sum(1 << one for one in rest))
            if self.extend(number, rest, following):
                return True
            self.d, self.rw, self.rw_missed = before
        return False

    def _place(self, key: object, last: int, following: int, rest: int) -> None:
        """`following` writes the next version of the key and all of `rest` later ones.

        That a reader misses the later ones, too, adds no cycle: a walk by rw and ww leads to them anyway.
        """
        self.d[following] |= rest
        for version, missed_by in ((last, 1 << following), (following, rest)):
            for reader, missed in self.after.get((key, version), ()):
                (self.rw_missed if missed else self.rw)[reader] |= missed_by & ~(1 << reader)
