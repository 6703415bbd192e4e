"""Queues, first in and first out, in n log n: each payload is put in once.

Henzinger, Sezgin & Vafeiadis 2013 say what can be wrong, Bouajjani et al. 2015 that pairs of payloads show it. A
payload goes in at some moment of [in start, in end] and out at one of [out start, out end]; both are first narrowed
by the other (nothing comes out before it is in). Payload A comes before B if A's in end is before B's in start or A's
out end before B's out start. Where no two must each come before the other, there is an order that keeps all this, and
every such order is one of the queue:

    in at    the latest in start so far
    out at   the latest out start so far, and not before it is in

What found the queue empty needs a moment at which no payload was surely in it: none with in end < moment < out start.
Such moments cut the order: what is in before one is out before it.

Enqueues of unknown fate whose payload nobody took out are left out. To leave out a payload altogether leaves an order
an order, so a core has few payloads.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, Final, NamedTuple

from checkers.linearizability.models import EMPTY, FOREVER, Call
from checkers.linearizability.ways import Decided
from harness.history import UNSEEN

__all__ = ["decide_queue"]

_BEFORE_ALL: Final = -(2**63)


class _Payload(NamedTuple):
    """One payload's way through the queue. What was never taken out is out after everything else."""

    put: Call
    taken: Call | None
    in_start: int
    in_end: int
    out_start: int
    out_end: int

    @property
    def calls(self) -> list[Call]:
        return [self.put] if self.taken is None else [self.put, self.taken]


Placed = tuple[tuple[int, int, int, int], Call]
"""(moment, cut, place among those, number) and the call: the sorted keys are a linearization."""


def decide_queue(calls: Sequence[Call]) -> Decided | None:
    """A linearization of a queue's calls, or few that have none; None where only a search can tell.

    So it is where a payload was put in twice, or something may have been taken out that is not known.
    """
    puts: dict[Any, Call] = {}
    taken: dict[Any, list[Call]] = defaultdict(list)
    for call in calls:
        if call.kind == "enqueue":
            if puts.setdefault(call.argument, call) is not call:
                return None
        elif call.result is UNSEEN or not call.required:
            return None
        elif call.result != EMPTY:
            taken[call.result].append(call)
    for payload, takers in taken.items():
        if payload not in puts or len(takers) > 1 or takers[0].end < puts[payload].start:
            put = [puts[payload]] if payload in puts else []
            return Decided(None, [*put, *takers[:2]])
    payloads = [
        _payload(put, taken[payload][0] if payload in taken else None)
        for payload, put in puts.items()
        if put.required or payload in taken
    ]
    return _decide(payloads, [call for call in calls if call.kind == "dequeue" and call.result == EMPTY])


def _payload(put: Call, taken: Call | None) -> _Payload:
    if taken is None:
        return _Payload(put, None, put.start, put.end, FOREVER, FOREVER)
    return _Payload(put, taken, put.start, min(put.end, taken.end), max(taken.start, put.start), taken.end)


def _decide(payloads: Sequence[_Payload], looks: Sequence[Call]) -> Decided:
    busy = _busy(payloads)
    moments = [_empty_at(busy, look.start) for look in looks]
    for look, moment in zip(looks, moments, strict=True):
        if moment > look.end:
            return Decided(None, [look, *(call for one in _cover(payloads, look) for call in one.calls)])
    cuts = sorted(set(moments))
    between: list[list[_Payload]] = [[] for _ in range(len(cuts) + 1)]
    for payload in payloads:
        between[bisect_right(cuts, payload.in_end)].append(payload)
    placed: list[Placed] = [
        ((moment, bisect_left(cuts, moment), 2, number), look)
        for number, (moment, look) in enumerate(zip(moments, looks, strict=True))
    ]
    for cut, some in enumerate(between):
        order, wrong = _first_in_first_out(some)
        if wrong:
            return Decided(None, [call for one in wrong for call in one.calls])
        placed += _placed(order, cut, cuts[cut - 1] if cut else _BEFORE_ALL)
    placed.sort(key=lambda one: (one[0], one[1].start))
    return Decided([call for _, call in placed], [])


def _busy(payloads: Sequence[_Payload]) -> list[tuple[int, int]]:
    """The times (bounds excluded) at which some payload is surely in the queue, in order and apart."""
    busy: list[tuple[int, int]] = []
    for start, end in sorted((one.in_end, one.out_start) for one in payloads if one.in_end < one.out_start):
        if busy and start < busy[-1][1]:
            busy[-1] = busy[-1][0], max(busy[-1][1], end)
        else:
            busy.append((start, end))
    return busy


def _empty_at(busy: Sequence[tuple[int, int]], moment: int) -> int:
    """The first moment from this one on at which the queue may be empty."""
    last = bisect_left(busy, (moment, _BEFORE_ALL)) - 1
    return max(moment, busy[last][1]) if last >= 0 else moment


def _cover(payloads: Sequence[_Payload], look: Call) -> list[_Payload]:
    """Few payloads of which at each moment of the look one was surely in the queue."""
    cover: list[_Payload] = []
    left = sorted((one for one in payloads if one.in_end < one.out_start), key=lambda one: one.in_end)
    moment, place = look.start, 0
    best: _Payload | None = None
    while moment <= look.end:
        while place < len(left) and left[place].in_end < moment:
            if best is None or left[place].out_start > best.out_start:
                best = left[place]
            place += 1
        assert best is not None
        assert best.out_start > moment
        cover.append(best)
        moment = best.out_start
    return cover


def _first_in_first_out(payloads: Sequence[_Payload]) -> tuple[list[_Payload], list[_Payload]]:
    """The payloads in an order of the queue, or two that must each come before the other.

    Next is always one that nothing left comes before: it began to go in by the earliest in end, and out by the
    earliest out end, of all that are left.
    """
    numbers = range(len(payloads))
    waiting = sorted(numbers, key=lambda i: -payloads[i].in_start)
    in_ends = [(payloads[i].in_end, i) for i in numbers]
    out_ends = [(payloads[i].out_end, i) for i in numbers]
    heapify(in_ends)
    heapify(out_ends)
    possible: list[tuple[int, int, int]] = []
    order: list[_Payload] = []
    done: set[int] = set()
    while len(order) < len(payloads):
        first_in, first_out = _first_left(in_ends, done), _first_left(out_ends, done)
        while waiting and payloads[waiting[-1]].in_start <= payloads[first_in].in_end:
            one = waiting.pop()
            heappush(possible, (payloads[one].out_start, payloads[one].in_start, one))
        if possible[0][0] > payloads[first_out].out_end:
            return [], [payloads[first_in], payloads[first_out]]
        one = heappop(possible)[2]
        done.add(one)
        order.append(payloads[one])
    return order, []


def _first_left(heap: list[tuple[int, int]], done: set[int]) -> int:
    while heap[0][1] in done:
        heappop(heap)
    return heap[0][1]


def _placed(order: Sequence[_Payload], cut: int, after: int) -> Iterator[Placed]:
    """Moments for what goes in and out after the moment of the last cut."""
    into, out = after, after
    for number, payload in enumerate(order):
        into = max(into, payload.in_start)
        out = max(out, payload.out_start, into)
        yield (into, cut, 0, number), payload.put
        if payload.taken is not None:
            yield (out, cut, 1, number), payload.taken
