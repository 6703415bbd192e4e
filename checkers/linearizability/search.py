"""The search for a linearization: Wing & Gong 1993 with the memory of Lowe 2017, made for calls of unknown fate.

A configuration is what was put in order so far. It is known by

    the first call (in the order of ends) that is not yet in order: all that end before it are
    which of the calls that end later are in order already, as bits: all of these are open when that one ends,
        and calls that are open at one moment have different bits
    the state
    which of the calls that need not take effect did, as bits

Of two configurations that agree but in the last, the one that used fewer of these calls can go on in every way in
which the other can, so the other is not looked at again. Three more rules leave out what cannot matter:

    a call that only observes, and fits the state, comes at once: it can be taken out of any order and put here
    of calls that are alike, a required one comes before others, and among these the one that ends first
    a call that need not take effect, and has none, does not
    where states only grow, one that no waiting read can see is like any other such, and one from
        which the next read cannot be reached leads nowhere

A budget counts steps (of the model, from one call or configuration to the next, and one more for each 64 bytes of a
configuration, all of which are kept), so that a verdict repeats and memory has a bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

from checkers.linearizability.models import REJECTED, Call, Model, Step, observes

__all__ = ["Searched", "search"]

LOST: Final = object()  # A state that nobody will see.

Trail = tuple[int, Any]
"""(a call's place, the trail before it): lists that share their beginnings. The empty one is None."""


class Searched(NamedTuple):
    """What a search came to: an order of all required calls and some others, or that there is none, or neither.

    `order` is None unless one was found, and `spent` tells the last two apart. At least the first `passed` calls in
    the order of ends (and of places among equals) have an order together.
    """

    order: list[Call] | None
    spent: bool
    passed: int
    steps: int


def search(calls: Sequence[Call], model: Model, steps_max: int) -> Searched:
    """Look for a linearization of `calls`, in any order given, with at most `steps_max` steps of the model."""
    return _Search(calls, model).run(steps_max)


class _Waiting:
    """Calls that have no place yet, in the order of their starts: a doubly linked list of their places."""

    def __init__(self, places: Sequence[int], end: int) -> None:
        self.end = end
        self.after = dict(zip([end, *places], [*places, end], strict=True))
        self.before = dict(zip([*places, end], [end, *places], strict=True))

    def remove(self, place: int) -> None:
        before, after = self.before[place], self.after[place]
        self.after[before], self.before[after] = after, before

    def put_back(self, place: int) -> None:
        """Undo `remove`: what was removed last comes back first."""
        self.after[self.before[place]] = self.before[self.after[place]] = place


class _Alike:
    """Calls that need not take effect and are alike, in the order of their starts: the first ones have a place."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self.placed = 0

    def remove(self, place: int) -> None:
        self.placed += 1

    def put_back(self, place: int) -> None:
        self.placed -= 1


class _Configuration(NamedTuple):
    first: int  # Number in the order of ends.
    ahead: int  # The bits of calls in order that end after `first`.
    state: Any
    used: int
    trail: Trail | None


class _Frame(NamedTuple):
    """A configuration on the way, the calls still to be tried in it, the last one first, and what to undo."""

    at: _Configuration
    choices: list[int]
    removed: int


class _Search:
    def __init__(self, calls: Sequence[Call], model: Model) -> None:
        self._calls = sorted((one for one in calls if one.required or not observes(one)), key=lambda one: one.start)
        self._model = model
        self._step = _unless_lost(model.step) if model.grows else model.step
        places = range(len(self._calls))
        self._ends = sorted((i for i in places if self._calls[i].required), key=lambda i: self._calls[i].end)
        self._rank = {place: rank for rank, place in enumerate(self._ends)}
        observers = {i for i in places if observes(self._calls[i])}
        self._observers = _Waiting(sorted(observers), len(places))
        self._mutators = _Waiting([i for i in places if i in self._rank and i not in observers], len(places))
        self._bit = {place: bit for bit, place in enumerate(i for i in places if not self._calls[i].required)}
        self._bit |= _bits_while_open(self._calls)
        self._alike = [(one.kind, one.argument, one.result) for one in self._calls]
        self._optional: dict[Any, _Alike] = defaultdict(_Alike)
        for place in (i for i in places if i not in self._rank):
            self._optional[self._alike[place]].places.append(place)
        self._removed: list[tuple[_Waiting | _Alike, int]] = []
        self._seen: dict[tuple[int, int, Any], list[int]] = {}
        self._steps = 0
        self._furthest = _Configuration(-1, 0, model.initial, 0, None)
        self._next_reader = self._readers() if model.grows else []
        self._setters = [place for place in places if self._calls[place].kind == "w"]
        self._ways: dict[int, list[int]] = {}

    def run(self, steps_max: int) -> Searched:
        frames = [self._enter(_Configuration(0, 0, self._model.initial, 0, None))]
        step = self._step
        while frames and self._furthest.first < len(self._ends) and self._steps <= steps_max:
            at, choices, removed = frames[-1]
            while len(self._removed) > removed:
                waiting, place = self._removed.pop()
                waiting.put_back(place)
            if not choices:
                frames.pop()
                continue
            place = choices.pop()
            self._steps += 1
            state = step(at.state, self._calls[place])
            if state is not REJECTED and (state != at.state or self._calls[place].required):
                waiting = self._mutators if place in self._rank else self._optional[self._alike[place]]
                frames.append(self._enter(self._taken(at, waiting, place, state)))
        order = None
        if self._furthest.first == len(self._ends):
            order = [self._calls[place] for place in _places(self._furthest.trail)][::-1]
        return Searched(order, order is None and bool(frames), self._furthest.first, self._steps)

    def _enter(self, at: _Configuration) -> _Frame:
        """Put in order what only observes and fits, remember the configuration, and see what can come next."""
        at = self._observed(at)
        if at.first > self._furthest.first:
            self._furthest = at
        grown = self._grown(at)
        if grown is None or not self._is_new(grown):
            return _Frame(at, [], len(self._removed))
        return _Frame(grown, self._choices(grown), len(self._removed))

    def _observed(self, at: _Configuration) -> _Configuration:
        waiting, step = self._observers, self._step
        place = waiting.after[waiting.end]
        while place != waiting.end and self._may_be_next(at, place):
            self._steps += 1
            if step(at.state, self._calls[place]) is not REJECTED:
                at = self._taken(at, waiting, place, at.state)
            place = waiting.after[place]
        return at

    def _may_be_next(self, at: _Configuration, place: int) -> bool:
        """Whether no call that is not in order ended before this one began."""
        return at.first < len(self._ends) and self._calls[place].start <= self._calls[self._ends[at.first]].end

    def _taken(self, at: _Configuration, waiting: _Waiting | _Alike, place: int, state: Any) -> _Configuration:
        """The configuration after one more call, which leads to `state`."""
        waiting.remove(place)
        self._removed.append((waiting, place))
        if not self._calls[place].required:
            return _Configuration(at.first, at.ahead, state, at.used | 1 << self._bit[place], (place, at.trail))
        first, ahead = at.first, at.ahead | 1 << self._bit[place]
        while first < len(self._ends) and ahead >> self._bit[self._ends[first]] & 1:
            ahead ^= 1 << self._bit[self._ends[first]]
            first += 1
        self._steps += max(0, first - at.first - 1)
        return _Configuration(first, ahead, state, at.used, (place, at.trail))

    def _is_new(self, at: _Configuration) -> bool:
        """Whether it is not one of those seen, nor worse than one of them; it counts as seen from now on."""
        seen = self._seen.setdefault((at.first, at.ahead, at.state), [])
        self._steps += len(seen) + (at.ahead.bit_length() + at.used.bit_length() >> 9) + _size(at.state)
        if any(used & at.used == used for used in seen):
            return False
        seen.append(at.used)
        return True

    def _readers(self) -> list[int]:
        """For each number in the order of ends, that of the first call from there on which only observes."""
        following = [len(self._ends)]
        for rank in reversed(range(len(self._ends))):
            following.append(rank if observes(self._calls[self._ends[rank]]) else following[-1])
        return following[::-1]

    def _grown(self, at: _Configuration) -> _Configuration | None:
        """The same, its state `LOST` where no read can see any more what grows from it; None if it leads nowhere.

        The next read has to see what this state grows into, or what a call does that sets one anew before it.
        """
        grows = self._model.grows
        if grows is None:
            return at
        rank = self._next_reader[at.first]
        while rank < len(self._ends) and not self._is_open(at, self._ends[rank]):
            rank = self._next_reader[rank + 1]
        if rank == len(self._ends):
            return at._replace(state=LOST)
        reader = self._calls[self._ends[rank]]
        if at.state is not LOST and grows(at.state, reader.result):
            return at
        if not any(self._is_open(at, place) for place in self._ways_to(rank)):
            return None
        return at if self._is_awaited(at, reader.end) else at._replace(state=LOST)

    def _is_awaited(self, at: _Configuration, end: int) -> bool:
        """Whether a read that began by then can still see what grows from this state."""
        waiting, grows = self._observers, self._model.grows
        place = waiting.after[waiting.end]
        while at.state is not LOST and place != waiting.end and self._calls[place].start <= end:
            self._steps += 1 + _size(at.state)
            if grows is not None and grows(at.state, self._calls[place].result):
                return True
            place = waiting.after[place]
        return False

    def _ways_to(self, rank: int) -> list[int]:
        """The calls that may set the state anew before this read, to one that can grow into what it saw."""
        if rank not in self._ways:
            reader, grows = self._calls[self._ends[rank]], self._model.grows
            assert grows is not None
            self._steps += len(self._setters)
            self._ways[rank] = [
                place
                for place in self._setters
                if self._calls[place].start <= reader.end and grows(self._calls[place].argument, reader.result)
            ]
        return self._ways[rank]

    def _is_open(self, at: _Configuration, place: int) -> bool:
        """Whether the call is not in order yet."""
        if place not in self._rank:
            return not at.used >> self._bit[place] & 1
        ahead = at.ahead >> self._bit[place] & 1 and self._may_be_next(at, place)  # Else the bit is another call's.
        return self._rank[place] >= at.first and not ahead

    def _choices(self, at: _Configuration) -> list[int]:
        """The calls to try, the first to be tried at the end: one of those that are alike."""
        waiting, required = self._mutators, []
        place = waiting.after[waiting.end]
        while place != waiting.end and self._may_be_next(at, place):
            required.append(place)
            place = waiting.after[place]
        chosen = {}
        for alike, calls in self._optional.items():
            self._steps += 1
            if not self._may_be_next(at, calls.places[0]):
                break
            if calls.placed < len(calls.places) and self._may_be_next(at, calls.places[calls.placed]):
                chosen[alike] = calls.places[calls.placed]
        self._steps += len(required)
        chosen |= {self._alike[place]: place for place in sorted(required, key=self._rank.__getitem__, reverse=True)}
        return sorted(chosen.values(), key=lambda one: (-self._rank.get(one, len(self._calls)), -one))


def _bits_while_open(calls: Sequence[Call]) -> dict[int, int]:
    """The number of a bit for the place of each required call; `calls`, by start, that overlap have others."""
    bits: dict[int, int] = {}
    taken: list[tuple[int, int]] = []  # (end, bit)
    free: list[int] = []
    for place, call in enumerate(calls):
        if call.required:
            while taken and taken[0][0] < call.start:
                heappush(free, heappop(taken)[1])
            bits[place] = heappop(free) if free else len(taken)
            heappush(taken, (call.end, bits[place]))
    return bits


def _size(state: Any) -> int:
    """How many times 64 bytes a state holds."""
    return len(state) >> 3 if isinstance(state, tuple | frozenset | str) else 0


def _unless_lost(step: Step) -> Step:
    """The same, also from `LOST`: nothing is seen there, and it stays so until a state is set anew."""

    def stepped(state: Any, call: Call) -> Any:
        if state is not LOST:
            return step(state, call)
        if call.kind == "w":
            return call.argument
        return REJECTED if call.kind == "r" else LOST

    return stepped


def _places(trail: Trail | None) -> Iterator[int]:
    while trail is not None:
        place, trail = trail
        yield place
