"""Sets and lists in n log n: each element is added once, so that what reads saw tells the place of every call.

    append 1 ── r {1} ── append 2, append 3 ── r {1 2 3} ── append 4       the only order there is

The reads of one object must be a chain: each holds all that a smaller one holds, and in a list begins with it. An
append comes right before the smallest read that saw it, one that no read saw after all reads. All that is left to ask
is whether that order keeps real time.

To leave out an element everywhere (its append, and itself in every read) leaves an order an order. So a core names
the calls that contradict, and of each read only the elements that it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any

from checkers.linearizability.models import Call
from checkers.linearizability.ways import Decided, first_inversion

__all__ = ["decide_by_ranks"]


def decide_by_ranks(calls: Sequence[Call]) -> Decided | None:
    """A linearization of a set's or a list's calls, or few that have none; None where an element is added twice."""
    appends: dict[Any, Call] = {}
    for call in calls:
        if call.kind == "append" and appends.setdefault(call.argument, call) is not call:
            return None
    reads = sorted((call for call in calls if call.kind == "r"), key=lambda call: len(call.result))
    wrong = _not_a_chain(reads)
    places = _places(reads) if wrong is None else {}
    if wrong is None and (strange := next((one for one in places if one not in appends), None)) is not None:
        wrong = [strange], reads[-1:]
    if wrong is None:
        ranked = _ranked(appends, reads, places)
        inversion = first_inversion(call for _, call in ranked)
        if inversion is None:
            return Decided([call for _, group in ranked for call in group], [])
        wrong = _inverted(*inversion, reads, places)
    elements, witnesses = wrong
    writers = [appends[one] for one in elements if one in appends]
    return Decided(None, [*writers, *(_only(read, elements) for read in witnesses)])


def _not_a_chain(reads: Sequence[Call]) -> tuple[list[Any], list[Call]] | None:
    """Elements and reads of them that contradict by themselves."""
    for read in reads:
        if len(set(read.result)) < len(read.result):
            return [next(one for one in read.result if read.result.count(one) > 1)], [read]
    for smaller, larger in pairwise(reads):
        less, more = smaller.result, larger.result
        if isinstance(less, frozenset):
            if not less <= more:
                return [_least(less - more), _least(more - less)], [smaller, larger]
        elif more[: len(less)] != less:
            return list(next(pair for pair in zip(less, more, strict=False) if pair[0] != pair[1])), [smaller, larger]
    return None


def _least(elements: Iterable[Any]) -> Any:
    """Always the same one."""
    return min(elements, key=repr)


def _places(reads: Sequence[Call]) -> dict[Any, int]:
    """The ranks of the elements that reads saw: that of a read of n elements is 2n - 1, of its last one 2n - 2."""
    if reads and isinstance(reads[-1].result, tuple):
        return {element: 2 * place for place, element in enumerate(reads[-1].result)}
    places: dict[Any, int] = {}
    before: frozenset[Any] = frozenset()
    for read in reads:
        if len(read.result) > len(before):
            places |= dict.fromkeys(sorted(read.result - before, key=repr), 2 * len(read.result) - 2)
            before = read.result
    return places


def _ranked(appends: dict[Any, Call], reads: Sequence[Call], places: dict[Any, int]) -> list[tuple[int, list[Call]]]:
    """The calls rank by rank, in each those that began first come first."""
    after_all = 2 * len(places)
    ranked = [(places.get(element, after_all), call) for element, call in appends.items()]
    ranked = [(rank, call) for rank, call in ranked if call.required or rank < after_all]
    ranked += [(2 * len(read.result) - 1, read) for read in reads]
    ranked.sort(key=lambda pair: (pair[0], pair[1].start))
    return [(rank, [call for _, call in group]) for rank, group in groupby(ranked, key=lambda pair: pair[0])]


def _inverted(
    earlier: Call, later: Call, reads: Sequence[Call], places: dict[Any, int]
) -> tuple[list[Any], list[Call]]:
    """Elements and reads of them that show that `earlier` comes before `later`, which ended before it began."""
    if earlier.kind == later.kind == "r":
        new = later.result[len(earlier.result)] if isinstance(later.result, tuple) else None
        return [_least(later.result - earlier.result) if new is None else new], [earlier, later]
    elements = [call.argument for call in (earlier, later) if call.kind == "append"]
    witnesses = [call for call in (earlier, later) if call.kind == "r"]
    if len(elements) == 2:
        witnesses = [next(read for read in reads if 2 * len(read.result) > places[elements[0]] + 1)]
    return elements, witnesses


def _only(read: Call, elements: Sequence[Any]) -> Call:
    """The read as it had been if there were these elements only."""
    if isinstance(read.result, frozenset):
        return read._replace(result=read.result & frozenset(elements))
    return read._replace(result=tuple(one for one in read.result if one in elements))
