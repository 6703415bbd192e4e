"""Registers and counters in n log n: each value is written once, so that every read tells whose it is.

Gibbons & Korach 1997, with compare-and-set. A write and all that saw its value are neighbours in every linearization;
a cas that replaced this value is their next neighbour, with all that saw what it stored, and so on. Such a chain is
one block, in which there is one order but for reads of one value. Block A comes before block B if a call of A ended
before a call of B began:

    A's first end < B's last start

Two blocks that must each come before the other have no order; without such a pair all blocks have one. A block whose
first end is before its last start (a forward zone) needs all the time between the two for itself; any other (a
backward zone) fits at each moment between the two.

The state at first is a block before all others. A call of unknown fate whose value was seen took effect; one whose
value nobody saw is left out, for there is an order without it if there is any.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from checkers.linearizability.models import Call
from checkers.linearizability.ways import Decided, first_inversion
from harness.history import UNSEEN

__all__ = ["decide_counter", "decide_register"]

_BEFORE_ALL: Final = -(2**63)


def decide_register(calls: Sequence[Call]) -> Decided | None:
    """A linearization of a register's calls, or few that have none; None where only a search can tell.

    So it is where a value is written twice, or that at first written again, or a cas was refused or has no answer.
    """
    return _decide(calls, None)


def decide_counter(calls: Sequence[Call]) -> Decided | None:
    """The same for a counter: an increment whose answer is known is a cas."""
    as_cas = []
    for call in calls:
        if call.kind == "incr":
            if call.result is UNSEEN:
                return None
            numbers = (call.result - call.argument, call.result)
            call = call._replace(kind="cas", argument=numbers, result=True)  # noqa: PLW2901  The same call.
        as_cas.append(call)
    return _decide(as_cas, 0)


def _decide(calls: Sequence[Call], initial: Any) -> Decided | None:
    values = _Values.of(calls, initial)
    if values is None:
        return None
    if wrong := values.settle():
        return Decided(None, values.core(wrong))
    blocks = list(values.blocks())
    for groups in blocks:
        if (inversion := first_inversion(groups)) is not None:
            return Decided(None, values.core(inversion))
    zones = [_zone(groups) for groups in blocks]
    order, wrong = _in_order(zones)
    if wrong:
        return Decided(None, values.core(wrong))
    return Decided([call for zone in order for group in zone.groups for call in group], [])


Groups = list[list[Call]]
"""A block: the call that stored a value, those that saw it, the one that replaced it, those that saw that, ..."""


class _Values:
    """Who stored each value, who saw it, and who replaced it."""

    def __init__(self, initial: Any) -> None:
        self._initial = initial
        self._stored: dict[Any, Call] = {}
        self._seen: dict[Any, list[Call]] = defaultdict(list)
        self._replaced: dict[Any, Call] = {}
        self._shown_by: dict[Any, Call] = {}  # For each value that was seen, one call that saw it.

    @classmethod
    def of(cls, calls: Sequence[Call], initial: Any) -> _Values | None:
        """None where a call leaves open what it saw or stored, or a value may be of two calls."""
        values = cls(initial)
        for call in calls:
            if call.kind == "cas" and call.required and call.result is not True:
                return None
            old, new = call.argument if call.kind == "cas" else (call.result, call.argument)
            if call.kind == "r" or (call.kind == "cas" and old == new):
                values._seen[old].append(call)
            elif new == initial or new in values._stored:
                return None
            else:
                values._stored[new] = call
        return values

    def settle(self) -> tuple[Call, ...]:
        """Leave out the calls of unknown fate whose value nobody saw, and find out who replaced what.

        Returns calls that contradict by themselves: one saw what nobody stored, or two replaced one value.
        """
        waiting = [(value, calls[0]) for value, calls in self._seen.items()]
        waiting += [
            (call.argument[0], call) for call in self._stored.values() if call.kind == "cas" and call.required
        ]
        for value, call in waiting:
            if value in self._shown_by:
                continue
            self._shown_by[value] = call
            by = self._stored.get(value)
            if by is None and value != self._initial:
                return (call,)
            if by is not None and by.kind == "cas" and not by.required:
                waiting.append((by.argument[0], by))
        self._stored = {
            value: call for value, call in self._stored.items() if call.required or value in self._shown_by
        }
        for call in self._stored.values():
            if call.kind == "cas" and self._replaced.setdefault(call.argument[0], call) is not call:
                return self._replaced[call.argument[0]], call
        return self._circle() if self._replaced else ()

    def _circle(self) -> tuple[Call, ...]:
        """A cas that replaced what was stored only after it, if there is one: no block leads to it."""
        reached = sum(len(group) for groups in self.blocks() for group in groups[::2])
        if reached == len(self._stored):
            return ()
        led = {call for groups in self.blocks() for group in groups[::2] for call in group}
        return (next(call for call in self._stored.values() if call not in led),)

    def blocks(self) -> Iterator[Groups]:
        """The blocks, first that of the state at first where anybody saw it."""
        beginnings = [[call] for call in self._stored.values() if call.kind == "w"]
        for beginning in [[], *beginnings] if self._initial in self._shown_by else beginnings:
            value, groups = beginning[0].argument if beginning else self._initial, [beginning]
            while True:
                groups.append(sorted(self._seen.get(value, ()), key=lambda call: call.start))
                call = self._replaced.get(value)
                if call is None:
                    break
                groups.append([call])
                value = call.argument[1]
            yield groups

    def core(self, calls: Iterable[Call]) -> list[Call]:
        """These calls, all that led to what they saw, and for each of unknown fate one that shows it took effect."""
        core: dict[Call, None] = {}
        waiting = list(calls)
        for call in waiting:
            back: Call | None = call
            while back is not None and back not in core:
                core[back] = None
                if not back.required:
                    waiting.append(self._shown_by[_stored_by(back)])
                back = self._stored.get(_seen_by(back, self._initial))
        return list(core)


def _stored_by(call: Call) -> Any:
    return call.argument[1] if call.kind == "cas" else call.argument


def _seen_by(call: Call, initial: Any) -> Any:
    """What was stored before the call; of a write, that at first, which nobody stored."""
    return call.argument[0] if call.kind == "cas" else call.result if call.kind == "r" else initial


class _Zone(NamedTuple):
    """A block with the calls that say when it can be; `first` is None for that of the state at first."""

    groups: Groups
    first: Call | None
    last: Call

    @property
    def first_end(self) -> int:
        return _BEFORE_ALL if self.first is None else self.first.end

    @property
    def is_forward(self) -> bool:
        return self.first_end < self.last.start

    def with_other(self, other: _Zone) -> tuple[Call, ...]:
        """The calls by which each of the two comes before the other."""
        return tuple(call for call in (self.first, self.last, other.first, other.last) if call is not None)


def _zone(groups: Groups) -> _Zone:
    calls = [call for group in groups for call in group]
    first = min(calls, key=lambda call: call.end) if groups[0] else None
    return _Zone(groups, first, max(calls, key=lambda call: call.start))


def _in_order(zones: Sequence[_Zone]) -> tuple[list[_Zone], tuple[Call, ...]]:
    """The blocks in order, or calls of two that must each come before the other."""
    forward = sorted((zone for zone in zones if zone.is_forward), key=lambda zone: zone.first_end)
    for one, two in pairwise(forward):
        if two.first_end < one.last.start:
            return [], one.with_other(two)
    ends = [zone.first_end for zone in forward]
    placed = [(zone.first_end, 1, zone) for zone in forward]
    for zone in zones:
        if zone.is_forward:
            continue
        moment = zone.last.start
        before = bisect_left(ends, moment) - 1
        if before >= 0:
            if zone.first_end < forward[before].last.start:
                return [], zone.with_other(forward[before])
            moment = max(moment, forward[before].last.start)
        placed.append((moment, 0, zone))
    placed.sort(key=lambda one: one[:2])
    return [zone for _, _, zone in placed], ()
