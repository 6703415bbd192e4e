"""Monotonic atomic view, read atomic and causal consistency by the axioms of Biswas & Enea (OOPSLA 2019).

There is an order of all that committed, containing session order (as far as kept) and wr, such that: where T3 read
what T1 left at a key, and T2 wrote that key too and is visible to T3, then T2 is before T1. Visible is what

    monotonic atomic view   an earlier read of T3 read from          (there: read committed)
    read atomic             precedes T3 in its session, or was read by it
    causal                  leads to T3 by any number of such steps

All that the axiom demands are pairs of the order: so there is one iff all pairs together have no cycle.
For lists the order is that of the appends, too, and who reads a list reads from everyone whose append is in it: what
a key holds is made of all visible appends (Burckhardt 2014), where the axioms know a last write.
"""

from __future__ import annotations

from collections.abc import Callable

from .explanations import NOBODY, Explanation, Sight, explanations
from .graphs import acyclic
from .small import Small, bits

__all__ = ["VISIBLE", "has_commit_order"]

Pairs = set[tuple[int, int]]
Visible = Callable[[Explanation, Pairs, Pairs, Sight], set[int]]


def _read_before(one: Explanation, session: Pairs, read: Pairs, sight: Sight) -> set[int]:
    return {a for a, b, place in one.content if b == sight.reader and place < sight.place}


def _next_to(one: Explanation, session: Pairs, read: Pairs, sight: Sight) -> set[int]:
    return {a for a, b in session | read if b == sight.reader}


def _leading_to(one: Explanation, session: Pairs, read: Pairs, sight: Sight) -> set[int]:
    found: set[int] = set()
    new = {sight.reader}
    while new:
        new = {a for a, b in session | read if b in new} - found
        found |= new
    return found


VISIBLE: dict[str, Visible] = {
    "monotonic atomic view": _read_before,
    "read atomic": _next_to,
    "causal": _leading_to,
}


def has_commit_order(history: Small, level: str, kept: str = "") -> bool:
    """Whether some explanation has an order of commits as the axiom of the level demands."""
    consistent = level != "monotonic atomic view"
    return any(
        _admits(history, one, VISIBLE[level], kept)
        for one in explanations(history)
        if one.consistent or not consistent
    )


def _admits(history: Small, one: Explanation, visible: Visible, kept: str) -> bool:
    session = {(a, b) for b in bits(one.members) for a in bits(history.earlier[kept][b] & one.members)}
    read = {(writer, reader) for writer, reader, _ in one.content}
    pairs = session | read | one.ww
    for sight in one.sights:
        for other in visible(one, session, read, sight):
            if other in one.writers.get(sight.key, ()) and other not in {sight.writer, sight.reader}:
                if sight.writer == NOBODY:
                    return False  # Nobody is before what a key holds at first.
                pairs.add((other, sight.writer))
    rows = [0] * len(history.txns)
    for a, b in pairs:
        rows[a] |= 1 << b
    return acyclic(rows)
